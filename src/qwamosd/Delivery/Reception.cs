using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>What a gateway's answer means for the delivery. The zero value is a refusal.</summary>
internal enum Reception
{
    /// <summary>It will not take this envelope, now or later.</summary>
    Refused,

    /// <summary>It has taken it, now or before.</summary>
    Taken,

    /// <summary>It cannot take it now.</summary>
    Later,
}

/// <summary>Reads a gateway's answer to a delivery.</summary>
internal static class Receptions
{
    /// <summary>Longest text of a gateway's own that is shown: its refusal of a checkpoint, with two keys in it, fits.</summary>
    public const int MaxErrorCodePoints = 256;

    private const string EnrolAdvice = "; in its VM, as root: gateway-policyd enroll FILE --system HEX --replace (HEX: the content of Dom0's /etc/qwamos/system.id)";
    private const string EmptyRecordAdvice = "; in its VM, as root, with gateway-policyd stopped: mkdir /var/lib/qwamos-gateway/kept && mv /var/lib/qwamos-gateway/accepted.db* /var/lib/qwamos-gateway/kept; then start it, and set its keys again";
    private const string Accepted = "accepted";

    public static Reception Of(AnswerReader answer)
    {
        if (answer.IsOk)
            return Reception.Taken;
        return answer.Code switch
        {
            // A redelivery after a restart or a lost answer; what was refused and recorded the first time is still refused.
            "replayed" => answer.Outcome is null or Accepted ? Reception.Taken : Reception.Refused,
            "busy" or "replay_store_full" or "storage_full" or "storage_error" => Reception.Later,
            _ => Reception.Refused,
        };
    }

    /// <summary>One bounded, escaped clause for the status row: the text is the gateway's.</summary>
    public static string Describe(AnswerReader answer)
    {
        string text = SafeText.ForTerminal($"{answer.Code ?? "error"}: {answer.Reason}");
        return Shortened(text) + (answer.Code == ErrorCodes.Name(ErrorCode.WrongSystem) ? EnrolAdvice : "");
    }

    /// <summary>The same of a trust root, with what to do.</summary>
    public static string DescribeRoot(AnswerReader answer, long version) => $"trust root {version}: {Shortened(SafeText.ForTerminal($"{answer.Code ?? "error"}: {answer.Reason}"))}" + answer.Code switch
    {
        "fork" => "; it took another one: find out who signed it; then" + EmptyRecordAdvice[1..],
        "superseded" when answer.Document.TryGet("version", out var has) && has.TryGetInteger(out long number) && number == 0 =>
            "; the trust began anew there, and this one was drawn up before" + EmptyRecordAdvice,
        "superseded" => "; this ledger is older than what the gateway has seen: put the newest backup back, or send the versions that are missing from their files",
        "unknown_command" or null => "; its gateway-policyd is an older one: update it",
        "from_future" => "; set its clock",
        "bad_signature" or "unknown_key" or "not_authorised" or "wrong_system" => "; another key or system is enrolled there" + EnrolAdvice,
        _ => "",
    };

    /// <summary>Whether it may have refused a change because it lacks a trust root.</summary>
    public static bool IsDisbelief(AnswerReader answer) => answer.Code is "bad_signature" or "unknown_key" or "not_authorised";

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
