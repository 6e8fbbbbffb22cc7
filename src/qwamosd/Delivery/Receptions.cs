using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>Reads a domain's answers.</summary>
internal static class Receptions
{
    /// <summary>Longest text of a domain's own that is shown: its refusal of a checkpoint, with two keys in it, fits.</summary>
    public const int MaxErrorCodePoints = 256;

    private const string EnrolAdvice = "; in its VM, as root: gateway-policyd enroll FILE --system HEX --replace (HEX: the content of Dom0's /etc/qwamos/system.id)";

    private const string EmptyRecordAdvice = "; in its VM, as root, with gateway-policyd stopped: mkdir /var/lib/qwamos-gateway/kept && mv /var/lib/qwamos-gateway/accepted.db* /var/lib/qwamos-gateway/kept; then start it, and all is delivered anew";

    /// <summary>It cannot take it now.</summary>
    public static bool IsLater(AnswerReader answer) => answer.Code is "busy" or "replay_store_full" or "storage_full" or "storage_error";

    /// <summary>A number of its answer, from a least one on.</summary>
    public static bool TryNumber(AnswerReader answer, string name, long least, out long number)
    {
        number = 0;
        return answer.Document.TryGet(name, out JsonValue? value) && value.TryGetInteger(out number) && number >= least;
    }

    /// <summary>A text of its answer; empty where there is none.</summary>
    public static string Text(AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out JsonValue? value) && value.TryGetString(out string? text) ? text : "";

    /// <summary>Whether a change was refused for what it is and not for who signed it: then the domain took over what it was told beside it.</summary>
    public static bool IsOfThePolicy(string outcome) => outcome is "superseded" or "invalid_policy" or "mixed_domains" or "base_mismatch";

    /// <summary>One bounded, escaped clause for the status row: the text is the domain's.</summary>
    public static string Describe(AnswerReader answer) => Describe(answer.Code ?? "error", answer.Reason);

    /// <inheritdoc cref="Describe(AnswerReader)"/>
    public static string Describe(string code, string? reason) => Shortened(SafeText.ForTerminal($"{code}: {reason}")) + code switch
    {
        "wrong_system" => EnrolAdvice,
        "unknown_command" => "; its gateway-policyd is an older one: update it",
        "fork" => "; what it took is not what this ledger has: see docs/troubleshooting.md",
        _ => "",
    };

    /// <summary>The same of a trust root, with what to do.</summary>
    /// <param name="code">Why it was refused.</param>
    /// <param name="reason">The domain's sentence.</param>
    /// <param name="version">The version that was refused.</param>
    /// <param name="has">The version that the domain says it has; null when it says none.</param>
    public static string DescribeRoot(string code, string? reason, long version, long? has) => $"trust root {version}: {Shortened(SafeText.ForTerminal($"{code}: {reason}"))}" + code switch
    {
        "fork" => "; it took another one: find out who signed it; then" + EmptyRecordAdvice[1..],
        "superseded" when has == 0 => "; the trust began anew there, and this one was drawn up before" + EmptyRecordAdvice,
        "superseded" => "; this ledger is older than what the gateway has seen: put the newest backup back, or send the versions that are missing from their files",
        "from_future" => "; set its clock",
        "bad_signature" or "unknown_key" or "not_authorised" or "wrong_system" or "unproven" => "; another key or system is enrolled there" + EnrolAdvice,
        _ => "",
    };

    /// <summary>Cut between two words, so that half a key is not taken for one; a text without any is cut where it is too long.</summary>
    private static string Shortened(string text)
    {
        string start = CodePoints.Take(text, MaxErrorCodePoints);
        if (start.Length == text.Length)
            return text;
        int word = start.LastIndexOf(' ');
        return (word > start.Length / 2 && text[start.Length] != ' ' ? start[..word] : start).TrimEnd() + "...";
    }
}
