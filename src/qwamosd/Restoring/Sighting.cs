using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Restoring;

/// <summary>What somebody has seen of the ledger, and what that says about the one that is to be restored.</summary>
/// <param name="Who">Who has seen it, for people.</param>
/// <param name="Words">What follows, for people.</param>
/// <param name="IsAgainst">It is not all in the ledger to be restored, or nobody can say.</param>
/// <param name="Tree">What was seen; null when that is nothing, or not known.</param>
internal sealed record Sighting(string Who, string Words, bool IsAgainst, RememberedTree? Tree = null)
{
    private const int ColumnChars = 22;

    /// <summary>One line of the comparison.</summary>
    public string Line => $"{Who.PadRight(ColumnChars)}  {Words}";

    /// <summary>Somebody has seen nothing, or cannot be asked: nothing speaks against it.</summary>
    public static Sighting Silent(string who, string words) => new(who, words, IsAgainst: false);

    /// <summary>What somebody has seen cannot be known: that is refused as if it were more.</summary>
    public static Sighting Unknown(string who, string why) => new(who, $"cannot be read: {why.TrimEnd('.')}", IsAgainst: true);

    /// <summary>Compares a tree with the ledger to be restored, which must begin with it.</summary>
    public static Sighting Of(string who, RememberedTree tree, LedgerStore restored, string remark = "")
    {
        if (tree.Size > restored.Size)
            return new Sighting(who, $"{Entries(tree.Size)}{remark}: {Lost(restored.Size, tree.Size - 1)} not in FILE", IsAgainst: true, tree);
        try
        {
            LedgerFold.CheckExtends(restored, tree);
            return new Sighting(who, $"{Entries(tree.Size)}{remark}: all in FILE", IsAgainst: false, tree);
        }
        catch (LedgerIntegrityException)
        {
            return new Sighting(who, $"{Entries(tree.Size)}{remark}: not the first {tree.Size} of FILE, which is another history", IsAgainst: true, tree);
        }
    }

    private static string Lost(long first, long last) => first == last ? $"entry {first} is" : $"entries {first} to {last} are";

    public static string Entries(long size) => size == 1 ? "1 entry" : $"{size} entries";
}
