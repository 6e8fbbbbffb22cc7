using System.Globalization;
using Qwamos.Client.Showing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Holding;

/// <summary>
/// Judges what an agent is to sign, from the bytes themselves. An ordinary change of this moment is signed; whatever cannot be taken back, changes who is
/// believed, would still be good when the key is locked again, or is not known here, a person is asked about; what is no message and no statement is refused.
/// </summary>
internal sealed class SigningJudge(Session session)
{
    public Judgement Judge(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > Limits.MaxRequestBytes)
            return Judgement.Refused($"it has more than {Limits.MaxRequestBytes} bytes");
        if (!SignedText.TryRead(bytes, out var text, out var fault))
            return Judgement.Refused(fault);
        if (text.Message is { } message)
            return OfMessage(message);
        return text.Purpose switch
        {
            SigningPurpose.TrustRoot => OfRoot(text.Document),
            SigningPurpose.LedgerKey => OfLedgerKey(text.Document),
            SigningPurpose.Domain => OfDomain(text.Document),
            _ => Judgement.Refused("it is a statement that this agent does not know"),
        };
    }

    private Judgement OfRoot(JsonValue document)
    {
        var unsigned = JsonValue.Object([("root", document), ("signatures", JsonValue.Array(Array.Empty<JsonValue>()))]);
        return SignedRoot.TryRead(unsigned, out var read, out var fault, mayBeUnsigned: true)
            ? new Judgement(
                Verdict.Ask,
                "it is a version of the trust root, which says whose signatures are believed",
                $"version {read.Root.Version} of the trust root of system {read.Root.SystemId}",
                RootText.Describe(read.Root, session.Now).TrimEnd('\n').Split('\n'))
            : Judgement.Refused($"it is no trust root: {fault}");
    }

    private static Judgement OfLedgerKey(JsonValue document)
    {
        if (document.Members.Length != 3 || !document.TryGet("key", out var key) || key.Kind != JsonKind.String || !document.TryGet("system", out var system) || system.Kind != JsonKind.String
            || !document.TryGet("timestamp", out var time) || !time.TryGetInteger(out var seconds))
            return Judgement.Refused("it is no statement about a ledger's key");
        return new Judgement(
            Verdict.Ask,
            "it says that a key is the one of a system's ledger",
            SafeText.ForTerminal($"the ledger's key {key.AsString}"),
            [$"system   {Shown(system.AsString)}", $"key      {Shown(key.AsString)}", $"signed   {Time(seconds)}"]);
    }

    private static Judgement OfDomain(JsonValue document)
    {
        // Whose signature that will be is not known yet: the form is read with one of the right sizes in its place.
        if (document.TryGet("key_id", out _) || document.TryGet("signature", out _))
            return Judgement.Refused("it is no statement about a domain's key: it has a signature already");
        var signed = JsonValue.Object([.. document.Members.Select(member => (member.Key, member.Value)), ("key_id", JsonValue.Of(new string('0', KeyId.Digits))), ("signature", JsonValue.Of(Convert.ToBase64String(new byte[EnvelopeSignature.SizeBytes])))]);
        if (!DomainKeyStatement.TryRead(signed, out var statement, out var fault))
            return Judgement.Refused($"it is no statement about a domain's key: {fault}");
        return new Judgement(
            Verdict.Ask,
            statement.IsRevoked ? "it says that a domain's reports are believed no more" : "it says whose reports are believed as a domain's",
            SafeText.ForTerminal($"{(statement.IsRevoked ? "revoke" : "enroll")} the domain {statement.Name}"),
            [$"system   {Shown(statement.SystemId)}", $"domain   {Shown(statement.Name)} (class {Shown(statement.Class)})", $"key      {statement.Fingerprint}", $"signed   {Time(statement.TimestampSeconds)}"]);
    }

    private Judgement OfMessage(Message message)
    {
        List<string> reasons = [], details = [], line = [message.Command];
        if (message.System is { } system)
            details.Add($"system   {system}");
        if (message.Reason is { } why)
            details.Add($"reason   {Shown(why)}");
        if (message.Command == BusCommands.SetPolicy)
            ReadChange(message, reasons, details, line);
        else if (!IsOrdinary(message.Command))
            reasons.Add($"{message.Command} is no command that is signed without asking");
        if (message.Command != BusCommands.SetPolicy && message.Args is { Members.Length: > 0 } args)
            details.Add($"args     {JsonPrinter.Print(args)}");
        ReadTimes(message, reasons, details);
        return new Judgement(
            reasons.Count == 0 ? Verdict.Sign : Verdict.Ask,
            string.Join("; ", reasons),
            SafeText.ForTerminal(string.Join(' ', line)),
            [$"command  {Shown(message.Command)}", .. details]);
    }

    private static bool IsOrdinary(string command) => BusCommands.IsRead(command) || BusCommands.IsForSigners(command);

    private void ReadChange(Message message, List<string> reasons, List<string> details, List<string> line)
    {
        // Read each time: the schema may have been replaced since the agent began. Without one, nothing is known to be harmless.
        if (!session.TryLoadSchema(out var schema, out var failure))
            reasons.Add($"what it changes is not known: {failure.Reason}");
        foreach (var (name, json) in message.Args!.Members)
        {
            var key = schema?.TryGet(name, out var known) is true ? known : null;
            var isRead = PolicyValue.TryFrom(json, out var value);
            var shown = isRead ? value.ToLine() : JsonPrinter.Print(json);
            details.Add($"set      {Shown(name)} = {Shown(shown)}");
            line.Add($"{name}={(key is null || key.IsConfidential ? HiddenValues.Text : shown)}");
            if (schema is null)
                continue;
            if (key is null || !isRead)
                reasons.Add($"{name} is not a key of this system's schema");
            else if (key.IsEvent && value != PolicyValue.Of(EventValues.Disarmed))
                reasons.Add($"{name} is an event");
            else if (key.IsIrreversible && !key.IsEvent)
                reasons.Add($"{name} cannot be taken back");
        }
    }

    /// <summary>Who may use the agent for a moment must not carry away what is good for longer, nor for a time to come.</summary>
    private void ReadTimes(Message message, List<string> reasons, List<string> details)
    {
        var signed = message.Timestamp ?? 0;
        if (Math.Abs(signed - session.Now) > Limits.FreshnessWindowSeconds)
        {
            reasons.Add("its time is not now");
            details.Add($"signed   {Time(signed)}");
        }
        if (message.Expires is { } expires && expires > signed + Limits.FreshnessWindowSeconds)
        {
            reasons.Add("it is good for longer than other changes");
            details.Add($"expires  {Time(expires)}");
        }
    }

    private static string Time(long seconds) =>
        seconds is >= 0 and <= 253_402_300_799 ? DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture) : $"{seconds}";

    /// <summary>All of it: what is left out is what somebody would hide there.</summary>
    private static string Shown(string text) => SafeText.ForTerminal(text);
}
