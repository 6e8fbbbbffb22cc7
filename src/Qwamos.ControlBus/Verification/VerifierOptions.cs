using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Verification;

/// <summary>What a verifier is told once: whom to believe, for which system, about what.</summary>
public sealed record VerifierOptions
{
    /// <summary>The active keys, at most 16, distinct.</summary>
    public required IReadOnlyList<VerifyingKey> Keys { get; init; }

    /// <summary>This system's ID, 32 lower-case hex digits; null while there is none, when a message that names a system is refused.</summary>
    public string? SystemId { get; init; }

    /// <summary>Refuses a signed message without <c>system</c>.</summary>
    public bool SystemRequired { get; init; }

    /// <summary>Takes a trust root that has expired as the step to the next one: a receiver, which may have been away while it was in force.</summary>
    public bool TakesExpiredRoots { get; init; }

    /// <summary>The verifier key of this program's own ledger, which alone a <c>ledger_key</c> may be about; null at who has none.</summary>
    public string? LedgerKey { get; init; }

    /// <summary>The commands this program serves.</summary>
    public IReadOnlySet<string> Commands { get; init; } =
        new HashSet<string>(StringComparer.Ordinal) { Envelopes.Commands.SetPolicy, Envelopes.Commands.GetStatus };

    public AudienceRule AudienceRule { get; init; } = static _ => null;
}
