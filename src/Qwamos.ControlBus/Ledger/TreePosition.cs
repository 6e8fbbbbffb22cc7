using System.Numerics;

namespace Qwamos.ControlBus.Ledger;

// Of the interior nodes, the roots of perfect subtrees of 16 and more leaves are stored, in the order in which they become complete: the entry
// that fills the last leaf below a node completes it, the lower levels first. A tree of b whole groups of 16 leaves has 2b - (bits set in b) of
// them, so a node's number follows from its place, numbers have no gap, and an append writes at the end of its table only. What is below them
// is calculated from the entries' bytes when it is asked for: at most 16.

/// <summary>The place of a perfect subtree's root: RFC 6962's MTH over leaves [<see cref="From"/>, <see cref="To"/>).</summary>
/// <param name="Level">0 for a leaf; the subtree has 2^Level leaves.</param>
/// <param name="Index">Its place among the subtrees of its level, from 0.</param>
public readonly record struct TreePosition(int Level, long Index)
{
    /// <summary>The lowest level whose hashes are stored.</summary>
    internal const int StoredLevel = 4;

    /// <summary>The first leaf below it.</summary>
    public long From => Index << Level;

    /// <summary>The leaf after the last one below it.</summary>
    public long To => (Index + 1) << Level;

    /// <summary>Whether it is in table hashes.</summary>
    public bool IsStored => Level >= StoredLevel;

    /// <summary>Its number there.</summary>
    public long Number => IsStored ? StoredNodes(To - 1) + Level - StoredLevel : throw new InvalidOperationException($"Hashes of level {Level} are not stored.");

    /// <summary>How many stored nodes a tree of so many leaves has.</summary>
    public static long StoredNodes(long size) => (2 * (size >> StoredLevel)) - BitOperations.PopCount((ulong)(size >> StoredLevel));

    /// <summary>How many of a tree's leaves are below stored nodes: the first of them.</summary>
    public static long StoredPart(long size) => size >> StoredLevel << StoredLevel;

    /// <summary>The perfect subtrees that the leaves [from, to) consist of, the largest first, when they are one side of a node of a tree or a whole tree.</summary>
    public static IEnumerable<TreePosition> Cover(long from, long to)
    {
        while (from < to)
        {
            var level = BitOperations.Log2((ulong)(to - from));
            yield return new TreePosition(level, from >> level);
            from += 1L << level;
        }
    }
}
