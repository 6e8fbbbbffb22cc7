namespace Qwamos.Daemon.Auditing;

/// <summary>A checkpoint that was made.</summary>
/// <param name="Size">Entries in the tree.</param>
/// <param name="Note">The signed note.</param>
internal sealed record SignedTree(long Size, string Note);
