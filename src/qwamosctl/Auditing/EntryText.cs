using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Client.Auditing;

/// <summary>One entry, for a person and as JSON: who, when, what, and what became of it.</summary>
internal static class EntryText
{
    /// <summary>The entry that a proof proves, in some lines.</summary>
    public static string Describe(ProvenEntry proven)
    {
        var text = new StringBuilder();
        Field(text, "proven", string.Create(CultureInfo.InvariantCulture, $"entry {proven.Index} of {proven.Checkpoint.Size}"));
        Field(text, "ledger", proven.Checkpoint.Origin);
        Field(text, "time", string.Create(CultureInfo.InvariantCulture, $"{AuditText.Time(proven.Entry.TimeSeconds)} ({proven.Entry.TimeSeconds})"));
        if (proven.NewestRootVersion > 0)
            Field(text, "under", string.Create(CultureInfo.InvariantCulture, $"{(proven.RootVersion == 0 ? "the enrolled key alone" : $"trust root {proven.RootVersion}")}, in force then; the proof has versions 1 to {proven.NewestRootVersion}, each verified from the signer on"));
        foreach (var signer in proven.Disowned)
            Field(text, "disowned", $"{signer}, which signed it, is revoked from before it on");
        if (proven.Checkpoint.OtherLines > 0)
            Field(text, "unchecked", AuditText.OtherLines(proven.Checkpoint.OtherLines));
        if (proven.Entry is NoteEntry note)
            Field(text, "note", NoteText.Describe(note.Note));
        if (proven.Entry is LedgerKeyEntry key)
        {
            Field(text, "signer", key.Statement.Signer.ToString());
            Field(text, "key", key.Statement.Key);
        }
        if (proven.Entry is DomainKeyEntry { Statement: var domain })
        {
            Field(text, "signer", domain.Signer.ToString());
            Field(text, "domain", $"{domain.Name} (class {domain.Class})");
            Field(text, domain.IsRevoked ? "revoked" : "key", domain.Fingerprint);
        }
        if (proven.Entry is InForceEntry { Statement: var said })
        {
            Field(text, "domain", said.Domain);
            Field(text, "change", string.Create(CultureInfo.InvariantCulture, $"entry {said.Entry.Index}: {string.Join(", ", said.Keys)}"));
            Field(text, "state", said.WhyNot is null ? "in force" : $"failed: {said.WhyNot}");
            Field(text, "unchecked", "the domain's signature: audit verify checks it by the key that was enrolled then");
        }
        if (proven.Entry is TrustRootEntry root)
        {
            Field(text, "trust root", string.Create(CultureInfo.InvariantCulture, $"version {root.Root.Root.Version}, SHA-256 {root.Root.Root.Hash}; {(proven.Follows ? "it follows from the signer" : "whether it follows from the enrolled key, verify says")}"));
            foreach (var signature in root.Root.Signatures)
                Field(text, "signer", signature.Key.ToString());
        }
        if (proven.Entry is not RecordedEntry recorded)
            return text.ToString();
        Field(text, "signer", recorded.Signer.ToString());
        Field(text, "outcome", recorded.RefusalReason is { } reason ? $"{recorded.OutcomeName}: {reason}" : recorded.OutcomeName);
        foreach (var (name, keys) in Keys(recorded))
        {
            if (keys.Count > 0)
                Field(text, name, string.Join(", ", keys));
        }
        if (recorded is MessageEntry message)
            Field(text, "message", Encoding.UTF8.GetString(message.Message.Canonical.Span));
        if (recorded is WithheldEntry withheld)
            Field(text, "envelope", $"confidential and left out, SHA-256 {withheld.EnvelopeHash}; its signature was not checked");
        return text.ToString();
    }

    /// <summary>The entry in one line.</summary>
    public static string Line(long index, LedgerEntry entry)
    {
        var (who, outcome) = entry switch
        {
            RecordedEntry recorded => (recorded.Signer.Short, recorded.OutcomeName),
            LedgerKeyEntry key => (key.Statement.Signer.Short, "key signed"),
            DomainKeyEntry key => (key.Statement.Signer.Short, key.Statement.IsRevoked ? "domain revoked" : "domain"),
            InForceEntry report => (report.Statement.Domain, report.Statement.WhyNot is null ? "in force" : "not in force"),
            TrustRootEntry root => (root.Root.Signatures.Count == 1 ? root.Root.Signatures[0].Key.Short : string.Create(CultureInfo.InvariantCulture, $"{root.Root.Signatures.Count} keys"), "trust root"),
            _ => ("-", "note"),
        };
        var what = entry switch
        {
            MessageEntry message => string.Join(' ', message.Message.Args!.Members.Select(member => $"{member.Key}={ValueText(member.Value)}"))
                + (message.Message.Reason is { } why ? $"  reason: {why}" : ""),
            RecordedEntry { Outcome: { } outcomes } => string.Join(' ', outcomes.Applied.Concat(outcomes.Staged).Concat(outcomes.Unstaged).Select(key => key + "=(hidden)")),
            NoteEntry note => NoteText.Describe(note.Note),
            LedgerKeyEntry signed => signed.Statement.Key,
            DomainKeyEntry signed => $"{signed.Statement.Name} (class {signed.Statement.Class}), key {signed.Statement.Fingerprint}",
            InForceEntry { Statement: var said } => string.Create(CultureInfo.InvariantCulture, $"entry {said.Entry.Index}: {string.Join(", ", said.Keys)}{(said.WhyNot is null ? "" : $"  {said.WhyNot}")}"),
            TrustRootEntry root => string.Create(CultureInfo.InvariantCulture, $"version {root.Root.Root.Version}, SHA-256 {root.Root.Root.Hash}"),
            _ => "(hidden)",
        };
        return SafeText.ForTerminal(string.Create(CultureInfo.InvariantCulture, $"{index,6}  {AuditText.Time(entry.TimeSeconds)}  {who,-16}  {outcome,-14}  {what}")) + "\n";
    }

    public static JsonValue ToJson(ProvenEntry proven) => JsonValue.Object(
        [("status", JsonValue.Of("ok")), .. AuditText.Members(proven.Checkpoint), .. Members(proven.Index, proven.Entry), ("signature_checked", JsonValue.Of(proven.Entry is MessageEntry or LedgerKeyEntry or DomainKeyEntry || proven.Follows)),
            ("trust_version", JsonValue.Of(proven.RootVersion)), ("newest_trust_version", JsonValue.Of(proven.NewestRootVersion)), ("disowned", JsonValue.Array(proven.Disowned.Select(key => key.ToString()))),
            ("unchecked_lines", JsonValue.Of(proven.Checkpoint.OtherLines))]);

    public static JsonValue ToJson(long index, LedgerEntry entry) => JsonValue.Object(Members(index, entry));

    private static List<(string, JsonValue)> Members(long index, LedgerEntry entry)
    {
        List<(string, JsonValue)> members = [("index", JsonValue.Of(index)), ("time", JsonValue.Of(entry.TimeSeconds))];
        if (entry is NoteEntry note)
            members.Add(("note", note.Note.ToJson()));
        if (entry is LedgerKeyEntry key)
            members.Add(("ledger_key", key.Statement.ToJson()));
        if (entry is DomainKeyEntry domain)
            members.Add(("domain_key", domain.Statement.ToJson()));
        if (entry is InForceEntry report)
            members.Add(("in_force", report.Statement.ToJson()));
        if (entry is TrustRootEntry root)
            members.Add(("trust_root", root.Root.ToJson()));
        if (entry is not RecordedEntry recorded)
            return members;
        members.Add(("key_id", JsonValue.Of(recorded.Signer.ToString())));
        members.Add(("outcome", JsonValue.Of(recorded.OutcomeName)));
        if (recorded.RefusalReason is { } reason)
            members.Add(("reason", JsonValue.Of(reason)));
        members.AddRange(Keys(recorded).Select(list => (list.Name, JsonValue.Array(list.Keys))));
        if (recorded is MessageEntry message)
            members.Add(("msg", message.Message.Document));
        if (recorded is WithheldEntry withheld)
            members.Add(("envelope_sha256", JsonValue.Of(withheld.EnvelopeHash)));
        return members;
    }

    private static (string Name, IReadOnlyList<string> Keys)[] Keys(RecordedEntry entry) => entry.Outcome is { } outcome
        ? [("applied", outcome.Applied), ("staged", outcome.Staged), ("unstaged", outcome.Unstaged)]
        : [];

    private static string ValueText(JsonValue value) => value.TryGetString(out var text) ? text : JsonText.ToText(value);

    private static void Field(StringBuilder text, string name, string value) =>
        text.Append(name.PadRight(10)).Append(SafeText.ForTerminal(value)).Append('\n');
}
