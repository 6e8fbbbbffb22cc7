using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Policy;

/// <summary>What <see cref="PolicyRules"/> decided about one message. Its zero value is a refusal.</summary>
public readonly struct PolicyDecision
{
    private readonly ChangeOutcome? outcome;
    private readonly PolicyState? state;
    private readonly Refusal? refusal;

    internal PolicyDecision(ChangeOutcome outcome, PolicyState state)
    {
        this.outcome = outcome;
        this.state = state;
    }

    internal PolicyDecision(Refusal refusal) => this.refusal = refusal;

    public bool IsAccepted => outcome is not null;

    /// <summary>True with what the change does and the state after it; false with the refusal, the state staying as it was.</summary>
    public bool TryGet(
        [NotNullWhen(true)] out ChangeOutcome? accepted, [NotNullWhen(true)] out PolicyState? next, [NotNullWhen(false)] out Refusal? refused)
    {
        accepted = outcome;
        next = state;
        refused = outcome is null ? refusal ?? Refusal.Undecided : null;
        return outcome is not null;
    }
}
