using Qwamos.ControlBus.Keys;

namespace Qwamos.Daemon.Restoring;

/// <summary>What root has configured, against which a ledger from elsewhere is checked.</summary>
/// <param name="Anchor">The enrolled key.</param>
/// <param name="SystemId">This system.</param>
internal sealed record TrustedKey(VerifyingKey Anchor, string SystemId);
