using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Verification;

/// <summary>
/// Within 300 s of now, both ends included, and not past <c>expires</c>, which can only shorten that: but for a change that needs several holders, which may name an
/// <c>expires</c> of up to 7 days.
/// </summary>
public static class Freshness
{
    /// <summary>The last second in which a signed message may be accepted, unix seconds.</summary>
    public static long LastSecond(Message message, TrustRoot root)
    {
        // The reader gives every signed message a timestamp; one without is as old as can be.
        long timestamp = message.Timestamp ?? -Limits.MaxSafeInteger;
        if (message.Expires is not { } expires)
            return timestamp + Limits.FreshnessWindowSeconds;
        bool mayWait = expires > timestamp + Limits.FreshnessWindowSeconds && expires <= timestamp + Limits.MaxProposalSeconds && Authority.NeedsSeveral(root, message);
        return mayWait ? expires : Math.Min(expires, timestamp + Limits.FreshnessWindowSeconds);
    }

    internal static Refusal? Refusal(Message message, long nowSeconds, TrustRoot root)
    {
        long timestamp = message.Timestamp ?? -Limits.MaxSafeInteger;
        if (timestamp < nowSeconds - Limits.FreshnessWindowSeconds && LastSecond(message, root) <= timestamp + Limits.FreshnessWindowSeconds)
        {
            return new Refusal(ErrorCode.Stale, $"the message was signed {nowSeconds - timestamp} s ago; {Limits.FreshnessWindowSeconds} s are allowed");
        }

        if (timestamp > nowSeconds + Limits.FreshnessWindowSeconds)
        {
            return new Refusal(
                ErrorCode.FromFuture, $"the message was signed {timestamp - nowSeconds} s from now; {Limits.FreshnessWindowSeconds} s are allowed");
        }

        return message.Expires < nowSeconds
            ? new Refusal(ErrorCode.Expired, $"the message expired {nowSeconds - message.Expires} s ago")
            : null;
    }
}
