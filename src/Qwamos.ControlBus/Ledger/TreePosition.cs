using System.Numerics;

namespace Qwamos.ControlBus.Ledger;

// Interior nodes are stored in the order in which they become complete: the entry that fills the last leaf below a node completes it, the
// lower levels first. A tree of n leaves has n - (bits set in n) of them, so a node's number follows from its place, numbers have no gap,
// and an append writes at the end of its table only.

/// <summary>The place of a perfect subtree's root: RFC 6962's MTH over leaves [<see cref="From"/>, <see cref="To"/>).</summary>
/// <param name="Level">0 for a leaf; the subtree has 2^Level leaves.</param>
/// <param name="Index">Its place among the subtrees of its level, from 0.</param>
public readonly record struct TreePosition(int Level, long Index)
{
    /// <summary>The first leaf below it.</summary>
    public long From => Index << Level;

    /// <summary>The leaf after the last one below it.</summary>
    public long To => (Index + 1) << Level;

    /// <summary>Its number in table hashes; only of levels from 1 on, for leaf hashes stand beside their entries.</summary>
    public long Number => Level > 0 ? InteriorNodes(To - 1) + Level - 1 : throw new InvalidOperationException("Leaf hashes are not in the table of interior ones.");

    /// <summary>How many interior nodes a tree of so many leaves has that are roots of perfect subtrees.</summary>
    public static long InteriorNodes(long size) => size - BitOperations.PopCount((ulong)size);

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
