using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>Entries that became durable together.</summary>
/// <param name="State">What is published after them.</param>
/// <param name="Changes">The accepted changes among them, in order; recorded refusals and notes are not.</param>
public sealed record CommittedBatch(PublishedState State, IReadOnlyList<CommittedChange> Changes)
{
    /// <summary>What a domain took over from Dom0, in the entries that say so.</summary>
    public IReadOnlyList<(long Index, AdoptedValue Value)> Adopted { get; init; } = [];
}
