using Qwamos.Client.Auditing;
using Qwamos.ControlBus;

namespace Qwamos.Client.Trusting;

/// <summary>A trust root that ends soon: after its end nothing but the next one, and fire, is accepted.</summary>
internal static class RootExpiry
{
    /// <summary>A sentence from 30 days before on; null earlier.</summary>
    public static string? Warning(long expiresSeconds, long nowSeconds) =>
        expiresSeconds < nowSeconds ? $"the trust root expired {AuditText.Time(expiresSeconds)}: nothing but the next one, and fire, is accepted"
        : expiresSeconds - nowSeconds <= Limits.RootExpiryWarningSeconds ? $"the trust root ends {AuditText.Time(expiresSeconds)}, {Duration.InWords(expiresSeconds - nowSeconds)} from now"
        : null;
}
