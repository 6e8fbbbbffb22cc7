using System.Text;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// The forms of <c>msg</c>. Every method gives the fault as one sentence, or null; a fault is always <c>bad_request</c>. Values that are well
/// formed but not built yet come out separately, because <c>not_supported</c> stands after every form in the order of the checks.
/// </summary>
internal static class MessageReader
{
    private const int BaseHashDigits = 64;

    public static string? Read(JsonValue msg, bool isSigned, out Message? message, out string? unsupported)
    {
        message = null;
        unsupported = null;
        if (msg.Kind != JsonKind.Object)
            return "msg is not an object";
        if (CanonicalFault(msg) is { } notCanonical)
            return notCanonical;

        var fields = new Fields();
        foreach (var (name, value) in msg.Members)
        {
            if (fields.Take(name, value) is { } fault)
                return fault;
        }

        if (PresenceFault(fields, isSigned) is { } missing)
            return missing;
        if (ArgsFault(fields.Command!, fields.Args) is { } badArgs)
            return badArgs;
        unsupported = fields.UnsupportedMode;
        message = fields.ToMessage(msg);
        return null;
    }

    /// <summary>What would let two canonicalisers disagree about the signed bytes is refused.</summary>
    private static string? CanonicalFault(JsonValue value)
    {
        switch (value.Kind)
        {
            case JsonKind.Number:
                return value.TryGetInteger(out _) ? null : "a number in msg is not an integer within 2^53-1, or is -0";
            case JsonKind.Array:
                foreach (var item in value.Items)
                {
                    if (CanonicalFault(item) is { } fault)
                        return fault;
                }

                return null;
            case JsonKind.Object:
                foreach (var (name, member) in value.Members)
                {
                    if (name.AsSpan().ContainsAnyExceptInRange('\u0021', '\u007e'))
                        return "a member name in msg has a character outside U+0021 to U+007E";
                    if (CanonicalFault(member) is { } fault)
                        return fault;
                }

                return null;
            default:
                return null;
        }
    }

    private static string? PresenceFault(Fields fields, bool isSigned)
    {
        if (fields.Command is null)
            return "command is missing";
        if (Commands.IsSelfAuthenticating(fields.Command))
            return isSigned || !fields.IsBare ? $"{fields.Command} carries its own signature: msg holds command and args only, and no signature stands beside it" : null;
        if (!isSigned)
            return Commands.IsRead(fields.Command) || Commands.IsForSigners(fields.Command) ? null : "signature is missing; only get_status and the commands of audit may come unsigned";
        if (fields.Nonce is null)
            return "nonce is missing";
        return fields.Timestamp is null ? "timestamp is missing" : null;
    }

    private static string? ArgsFault(string command, JsonValue? args)
    {
        if (command == Commands.SetPolicy && (args is null || args.Members.Length is < 1 or > Limits.MaxArgs))
            return $"args of set_policy is not an object of 1 to {Limits.MaxArgs} keys";
        return command switch
        {
            Commands.GetStatus => args is null || args.Members.All(member => member is { Key: "reveal" or Message.BaseArg, Value.Kind: JsonKind.Boolean } || IsPageName(member))
                ? null
                : $"args of get_status may hold only reveal and {Message.BaseArg}, true or false, and {Message.GatewaysAfterArg}, a name",
            Commands.GetCheckpoint => args is null || args.Members.IsEmpty ? null : "get_checkpoint takes no args",
            Commands.GetEntries => HasNumbers(args, "from", "skip") ? null : "args of get_entries is not an object of exactly from and skip, numbers from 0 on",
            Commands.GetProof => HasNumbers(args, "index") || HasNumbers(args, "index", "size") ? null : "args of get_proof is not an object of index and, perhaps, size, numbers from 0 on",
            Commands.GetGrowth => HasNumbers(args, "size", "wait") ? null : "args of get_growth is not an object of exactly size and wait, numbers from 0 on",
            Commands.GetEnvelope => HasNumbers(args, "index", "skip") ? null : "args of get_envelope is not an object of exactly index and skip, numbers from 0 on",
            Commands.LedgerKey => LedgerKeyStatement.TryRead(args, out _, out string? fault) ? null : $"args of ledger_key: {fault}",
            Commands.DomainKey => DomainKeyStatement.TryRead(args, out _, out string? wrong) ? null : $"args of domain_key: {wrong}",
            Commands.Checkpoint => CheckpointOffer.TryRead(args, out _, out string? why) ? null : $"args of checkpoint: {why}",
            // What is in it costs more to judge than others should wait for: that is the verifier's.
            Commands.TrustRoot => args is { Members.Length: 2 } && args.TryGet("root", out _) && args.TryGet("signatures", out _) ? null : "args of trust_root is not an object of exactly root and signatures",
            Commands.GetTrustRoot => args is null || args.Members.IsEmpty || HasNumbers(args, "version") ? null : "args of get_trust_root is not empty, and not an object of exactly version, a number from 0 on",
            Commands.Backup => args is null || args.Members.IsEmpty ? null : "backup takes no args",
            Commands.GetBackup => IsPlace(args) ? null : "args of get_backup is not an object of exactly name, a string, and offset, a number from 0 on",
            Commands.Deliver => DeliveryOffer.TryRead(args, out _, out string? no) ? null : $"args of deliver: {no}",
            Commands.GetCursor => args is null || args.Members.IsEmpty ? null : "get_cursor takes no args",
            Commands.GetDomains => args is null || args.Members.IsEmpty || args.Members is [{ Key: Message.AfterArg, Value: var name }] && name.TryGetString(out var after) && after.Length <= Limits.MaxPageNameChars
                ? null
                : "args of get_domains is not empty, and not an object of exactly after, a name",
            Commands.Report => InForceStatement.TryRead(args, out _, out string? bad) ? null : $"args of report: {bad}",
            Commands.GetInForce => HasNumbers(args, "index", "wait") ? null : "args of get_in_force is not an object of exactly index and wait, numbers from 0 on",
            Commands.GetReport => ReportQuestion.TryRead(args, out _) ? null : "args of get_report is not an object of exactly after, wait, confirmed and nonce",
            Commands.GetConsistency => HasNumbers(args, "old", "new") ? null : "args of get_consistency is not an object of exactly old and new, numbers from 0 on",
            _ => null,
        };
    }

    private static bool IsPageName(KeyValuePair<string, JsonValue> member) =>
        member is { Key: Message.GatewaysAfterArg, Value: var name } && name.TryGetString(out var text) && text.Length <= Limits.MaxPageNameChars;

    private static bool IsPlace(JsonValue? args) =>
        args is { Members.Length: 2 } && args.TryGet("name", out var name) && name.Kind == JsonKind.String
        && args.TryGet("offset", out var offset) && offset.TryGetInteger(out long number) && number >= 0;

    private static bool HasNumbers(JsonValue? args, params ReadOnlySpan<string> names)
    {
        if (args is null || args.Members.Length != names.Length)
            return false;
        foreach (var name in names)
        {
            if (!args.TryGet(name, out var value) || !value.TryGetInteger(out long number) || number < 0)
                return false;
        }

        return true;
    }

    private static bool IsLowerHex(JsonValue value, int digits) =>
        value.TryGetString(out string? text) && LowerHex.Is(text, digits);

    /// <summary>The members as they are met; a class of its own so that the loop over them stays one line.</summary>
    private sealed class Fields
    {
        private IReadOnlyList<string>? _audience;
        private Dictionary<string, string>? _base;
        private long? _expires;
        private ChangeMode _mode;
        private string? _reason;
        private string? _system;

        public string? Command { get; private set; }

        public JsonValue? Args { get; private set; }

        public Nonce? Nonce { get; private set; }

        public long? Timestamp { get; private set; }

        public string? UnsupportedMode { get; private set; }

        /// <summary>True when nothing but command and args has been met.</summary>
        public bool IsBare { get; private set; } = true;

        public string? Take(string name, JsonValue value)
        {
            IsBare &= name is "command" or "args";
            return TakeNamed(name, value);
        }

        private string? TakeNamed(string name, JsonValue value) => name switch
        {
            "command" => value.Kind == JsonKind.String ? Accept(Command = value.AsString) : "command is not a string",
            "args" => value.Kind == JsonKind.Object ? Accept(Args = value) : "args is not an object",
            "nonce" => TakeNonce(value),
            "timestamp" => value.TryGetInteger(out long time) ? Accept(Timestamp = time) : "timestamp is not an integer",
            "expires" => value.TryGetInteger(out long time) ? Accept(_expires = time) : "expires is not an integer",
            "audience" => TakeAudience(value),
            "system" => IsLowerHex(value, SystemId.Digits) ? Accept(_system = value.AsString) : "system is not 32 lower-case hex digits",
            "base" => TakeBase(value),
            "reason" => TakeReason(value),
            "mode" => TakeMode(value),
            _ => "a member of msg is not known",
        };

        public Message ToMessage(JsonValue document) => new()
        {
            Command = Command!,
            Args = Args,
            Nonce = Nonce,
            Timestamp = Timestamp,
            Expires = _expires,
            Audience = _audience,
            System = _system,
            Base = _base,
            Reason = _reason,
            Mode = _mode,
            Document = document,
            Canonical = CanonicalJson.Write(document),
        };

        private static string? Accept(object? _) => null;

        private string? TakeNonce(JsonValue value)
        {
            if (!value.TryGetString(out string? text) || !Envelopes.Nonce.TryParse(text, out var nonce))
                return "nonce is not 24 characters of canonical base64";
            Nonce = nonce;
            return null;
        }

        private string? TakeAudience(JsonValue value)
        {
            if (value.Kind != JsonKind.Array || value.Items.Any(item => item.Kind != JsonKind.String))
                return "audience is not a list of strings";
            string[] names = [.. value.Items.Select(item => item.AsString)];
            if (names.Length == 0)
                return "audience is empty; leave it out to mean every domain";
            if (names.Distinct(StringComparer.Ordinal).Count() != names.Length)
                return "audience names one domain twice";
            _audience = names;
            return null;
        }

        private string? TakeBase(JsonValue value)
        {
            if (value.Kind != JsonKind.Object || value.Members.Any(member => !IsLowerHex(member.Value, BaseHashDigits)))
                return "base is not an object of classes with 64 lower-case hex digits each";
            _base = value.Members.ToDictionary(member => member.Key, member => member.Value.AsString, StringComparer.Ordinal);
            return null;
        }

        private string? TakeReason(JsonValue value)
        {
            if (value.Kind != JsonKind.String)
                return "reason is not a string";
            int codePoints = 0;
            foreach (var rune in value.AsString.EnumerateRunes())
            {
                if (Rune.IsControl(rune))
                    return "reason holds a control character";
                codePoints++;
            }

            if (codePoints > Limits.MaxReasonCodePoints)
                return $"reason has more than {Limits.MaxReasonCodePoints} code points";
            _reason = value.AsString;
            return null;
        }

        private string? TakeMode(JsonValue value)
        {
            if (value.Kind != JsonKind.String)
                return "mode is not a string";
            _mode = value.AsString == "staged" ? ChangeMode.Staged : ChangeMode.Auto;
            if (value.AsString is not ("auto" or "staged"))
                UnsupportedMode = "this mode is not supported; auto and staged are";
            return null;
        }
    }
}
