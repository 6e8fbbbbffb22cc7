namespace Qwamos.Daemon.Delivery;

/// <summary>How far somebody has looked for the words about a change that is too old to be remembered. Not thread-safe.</summary>
/// <param name="change">The change's entry.</param>
internal sealed class OlderWords(long change)
{
    /// <summary>The next entry to be read.</summary>
    public long Next { get; set; } = change + 1;

    /// <summary>What was found, by domain.</summary>
    public Dictionary<string, InForceWord> Said { get; } = new(StringComparer.Ordinal);
}
