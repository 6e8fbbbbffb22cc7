using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Verification;

/// <summary>Within 300 s of now, both ends included, and not past <c>expires</c>, which can only shorten that.</summary>
internal static class Freshness
{
    /// <param name="nowSeconds">Unix seconds.</param>
    public static Refusal? Refusal(Message message, long nowSeconds)
    {
        // The reader gives every signed message a timestamp; one without is as old as can be.
        long timestamp = message.Timestamp ?? -Limits.MaxSafeInteger;
        if (timestamp < nowSeconds - Limits.FreshnessWindowSeconds)
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
