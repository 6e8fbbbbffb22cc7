using Xunit;

namespace Qwamos.SystemTests.Harness;

/// <summary>A ledger of one entry that somebody with all of the disk has changed: every hash is right, and only a signature can tell.</summary>
internal static class ForgedLedger
{
    /// <param name="path">Of the database.</param>
    /// <param name="leaf">What the entry becomes, in Python, with <c>leaf</c> for what it is.</param>
    public static void Write(string path, string leaf)
    {
        string forge = $$"""
            import hashlib, sqlite3, sys
            ledger = sqlite3.connect(sys.argv[1])
            leaf = ledger.execute("SELECT leaf FROM entries").fetchone()[0]
            leaf = {{leaf}}
            root = hashlib.sha256(b"\0" + leaf).digest()
            ledger.execute("UPDATE entries SET leaf = ?, leaf_hash = ?", (leaf, root[:8]))
            ledger.execute("UPDATE tree SET root = ?", (root,))
            ledger.execute("DELETE FROM snapshot")
            ledger.commit()
            """;
        CommandResult forged = Command.Run(["python3", "-c", forge, path]);
        Assert.True(forged.ExitCode == 0, forged.Error);
        foreach (string suffix in (string[])["-wal", "-shm"])
            File.Delete(path + suffix);
    }
}
