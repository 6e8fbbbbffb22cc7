using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// Makes a part of this machine's state what the values of some keys say, all of them as one step. Nothing here throws for what the machine does; all may block,
/// for at most some seconds. <see cref="KeptState"/> calls them, one after another.
/// </summary>
internal interface IStateEnforcer
{
    /// <summary>The keys whose values, together, it puts in force.</summary>
    IReadOnlyList<string> Keys { get; }

    /// <summary>Which keys' values cannot be in force here, and why; empty when all can. Changes nothing.</summary>
    /// <param name="values">A value of each of <see cref="Keys"/>.</param>
    IReadOnlyDictionary<string, string> Check(IReadOnlyDictionary<string, PolicyValue> values, CancellationToken stop);

    /// <summary>Puts values in force that were checked; why it did not, or null.</summary>
    /// <param name="values">A value of each of <see cref="Keys"/>.</param>
    /// <param name="isNew">A change set them. Else they were tried before, and somebody may have changed what is there: what the enforcer did since by their own terms stays.</param>
    /// <param name="stop">The daemon ends.</param>
    string? Apply(IReadOnlyDictionary<string, PolicyValue> values, bool isNew, CancellationToken stop);

    /// <summary>Reads back what is really there: in what it differs from what was applied or undone last, or null.</summary>
    string? Observe(CancellationToken stop);

    /// <summary>
    /// After a step that failed: nothing of it stays, and what the keys guard is closed, for the state before the step may be more open than the policy is by now.
    /// Why it did not, or null.
    /// </summary>
    string? Undo(CancellationToken stop);
}
