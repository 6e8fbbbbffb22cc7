using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
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
    /// <summary>Longest text of a gateway's own that is shown.</summary>
    public const int MaxErrorCodePoints = 200;

    private const string EnrolAdvice = "; in its VM, as root: gateway-policyd enroll FILE --system HEX --replace (HEX: the content of Dom0's /etc/qwamos/system.id)";
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
        string start = CodePoints.Take(text, MaxErrorCodePoints);
        return (start.Length == text.Length ? text : start + "...") + (answer.Code == ErrorCodes.Name(ErrorCode.WrongSystem) ? EnrolAdvice : "");
    }
}
