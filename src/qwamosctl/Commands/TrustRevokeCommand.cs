using System.CommandLine;
using System.Globalization;
using System.Text;
using Qwamos.Client.Auditing;
using Qwamos.Client.Changing;
using Qwamos.Client.Showing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl trust revoke</c>: a key that was stolen counts no more from an entry of the ledger on, what it signed before that stands, and what it set since is shown,
/// with the change that has the values from before back.
/// </summary>
internal static class TrustRevokeCommand
{
    /// <summary>Fewer digits of a key's ID could be anybody's.</summary>
    private const int LeastDigits = 8;

    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> who = new("KEY-ID|NAME") { Description = "A key's ID, or its first digits, or a holder, whose keys all go" };
        Option<string> from = new("--from") { HelpName = "TIME", Required = true, Description = "When it was stolen: 2026-11-23, 2026-11-23T21:00:00Z (UTC) or unix seconds" };
        Option<bool> restore = new("--restore") { Description = "Set what the key set since then back to what it was before, once it is revoked" };
        RootOptions options = new();
        Command command = new("revoke", "Disown a stolen key from a time on, and show what it set since") { who, from, restore };
        options.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(who)!, parse.GetValue(from)!, parse.GetValue(restore), parse, options)));
        return command;
    }

    private static int Run(Session session, string who, string from, bool restores, ParseResult parse, RootOptions options)
    {
        if (!options.TryRead(parse, out var terms, out var failure)
            || !EntryFilter.TryReadTime(from, "--from", 0, out var since, out failure)
            || !session.TryLoadSchema(out var schema, out failure)
            || !RootDraft.TryBegin(session, out var trust, out var draft, out failure)
            || !TryFind(trust.Root, who, out var keys, out failure))
            return session.Fail(failure);
        if (since > session.Now)
            return session.Fail(Failure.Usage($"--from {from} is in the future"));
        if (terms.File is { } file && RootEnding.PlaceFault(RestoreFile(file)) is { } place)
            return session.Fail(place);
        if (!KeyDeeds.TryRead(session, keys, since, out var deeds, out failure) || !TryRevoke(trust.Root, draft, keys, deeds.FromIndex, out draft, out failure))
            return session.Fail(failure);
        if (terms.LifetimeSeconds is { } lifetime)
            draft = draft with { ExpiresSeconds = session.Now + lifetime };
        var restoring = deeds.Restoring(schema);
        if (!session.Json)
            session.Terminal.Print(session.Placed(Describe(deeds))!);
        var exit = RootEnding.Run(session, trust, draft, terms.File, mayAsk: !terms.IsConfirmed, out var written);
        if (exit != (int)ExitCode.Done)
            return exit;
        var isInForce = written is null && TrustSource.TryGet(session, out var now, out _) && now.Root.Version >= draft.Version;
        // What it set while this was read and signed is disowned, too.
        if (isInForce && KeyDeeds.TryRead(session, keys, since, out deeds, out _))
            restoring = deeds.Restoring(schema);
        return Restore(session, draft, restoring, restores, written is null ? null : RestoreFile(written), isInForce);
    }

    /// <summary>Beside the version that waits for its signers.</summary>
    private static string RestoreFile(string file) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, "restore.json");

    /// <summary>What the keys did is set back now, or written, or said how to.</summary>
    private static int Restore(Session session, RootDraft draft, List<Setting> restoring, bool restores, string? file, bool isInForce)
    {
        if (restoring.Count == 0)
            return (int)ExitCode.Done;
        if (file is not null)
        {
            var policy = JsonValue.Object(restoring.Select(setting => (setting.Key.Name, setting.Value.ToJson())));
            try
            {
                if (!DurableFile.CreateNew(file, [.. JsonText.Bytes(policy, isIndented: true), (byte)'\n'], FileMode))
                    return session.Fail(new Failure(ExitCode.Refused, $"{file} exists, and nothing is written over it", $"Once the version is in force: {Setting(restoring)}"));
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                return session.Fail(new Failure(ExitCode.Refused, $"{file} cannot be written: {fault.Message.TrimEnd('.')}"));
            }
            session.Terminal.Note(session.Placed($"Once it is in force, this has the values from before back: qwamosctl apply {SafePath.Quote(file)}")!);
            return (int)ExitCode.Done;
        }
        if (restores && isInForce)
        {
            ChangeTerms terms = new(false, $"restores what revoked keys set, trust root {draft.Version}", null, null, null, false, null);
            return ChangeRun.Run(session, ChangeSplit.Split(restoring), terms);
        }
        session.Terminal.Note(session.Placed(
            $"{(isInForce ? "This has" : "Once it is in force, this has")} the values from before back: {Setting(restoring)}")!);
        return (int)ExitCode.Done;
    }

    private static string Setting(List<Setting> restoring) => $"qwamosctl set {string.Join(' ', restoring.Select(setting => $"{setting.Key.Name} {SafePath.Quote(setting.Value.ToLine())}"))}";

    /// <summary>A key of the trust root, by its ID or the holder; one that it lists no more, by the whole ID.</summary>
    private static bool TryFind(TrustRoot root, string who, out List<KeyId> keys, out Failure failure)
    {
        failure = null!;
        keys = root.Holders.FirstOrDefault(holder => holder.Name == who) is { } named ? [.. named.Keys.Select(key => key.Id)] : [];
        if (keys.Count > 0)
            return true;
        if (KeyId.TryParse(who, out var whole))
        {
            keys = [whole];
            return true;
        }
        if (who.Length >= LeastDigits && who.All(char.IsAsciiHexDigit))
            keys = [.. root.Keys.Select(key => key.Id).Where(id => id.ToString().StartsWith(who, StringComparison.OrdinalIgnoreCase))];
        if (keys.Count == 1)
            return true;
        failure = Failure.Usage(
            keys.Count > 1 ? $"{who} is the beginning of {keys.Count} keys" : $"{who} is neither a holder nor a key of version {root.Version} of the trust root",
            "Whose are: qwamosctl trust show; one that it lists no more is named by all 64 digits");
        return false;
    }

    /// <summary>The keys leave their holders, and a holder without any leaves the roles.</summary>
    private static bool TryRevoke(TrustRoot root, RootDraft draft, List<KeyId> keys, long index, out RootDraft revoked, out Failure failure)
    {
        failure = null!;
        revoked = draft;
        if (keys.All(key => root.RevocationOf(key) is { } earlier && earlier.FromIndex <= index))
        {
            failure = new Failure(
                ExitCode.Refused, $"it is revoked already, from entry {root.RevocationOf(keys[0])!.FromIndex} on, and version {root.Version} says so", "From an earlier entry on: name an earlier time with --from; see: qwamosctl trust show");
            return false;
        }
        revoked = draft with
        {
            Holders = [.. draft.Holders.Select(holder => new Holder(holder.Name, [.. holder.Keys.Where(key => !keys.Contains(key.Id))]))],
            Revoked =
            [
                .. draft.Revoked.Select(earlier => keys.Contains(earlier.Key) ? new Revocation(earlier.Key, Math.Min(earlier.FromIndex, index)) : earlier),
                .. keys.Where(key => root.RevocationOf(key) is null).Select(key => new Revocation(key, index)),
            ],
        };
        foreach (var gone in revoked.Holders.Where(holder => holder.Keys.Count == 0).ToList())
        {
            if (revoked.TryWithout(gone.Name, out revoked, out failure))
                continue;
            failure = failure with
            {
                Mend = $"Give {gone.Name} a new key first, where they have the key home: {Session.Theirs}trust rotate; or another holder: qwamosctl trust add NAME=FILE. Where nobody is left who may sign: docs/guide/trust.md, a lost key",
            };
            return false;
        }
        return true;
    }

    private static string Describe(KeyDeeds deeds)
    {
        StringBuilder text = new();
        text.Append(deeds.FromSeconds is { } seconds
            ? string.Create(CultureInfo.InvariantCulture, $"disowned from entry {deeds.FromIndex} on, which was recorded {AuditText.Time(seconds)}\n")
            : string.Create(CultureInfo.InvariantCulture, $"disowned from entry {deeds.FromIndex} on, the next one: nothing was recorded since then\n"));
        var all = deeds.All.ToList();
        text.Append(all.Count == 0 ? "it has set nothing since\n" : "what it has set since\n");
        foreach (var deed in all)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {KeyText.Of(JsonValue.Of(deed.Key))} = {(deed.Value is null ? "(hidden)" : KeyText.Of(deed.Value))}, entry {deed.Index}; before: ");
            text.Append(deed.IsHidden ? "(hidden), look at it yourself: qwamosctl status --reveal" : deed.Before is null ? "never set" : KeyText.Of(deed.Before));
            text.Append(deed.IsSetAgain ? "; set again since by another key, which stands\n" : "\n");
        }
        return text.Append('\n').ToString();
    }
}
