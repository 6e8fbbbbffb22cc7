namespace Qwamos.ControlBus.Trust;

/// <summary>What the signers of a trust root saw of Dom0's ledger: who comes late need not trust keys that have left since, for what lies before it.</summary>
/// <param name="Size">Entries in the ledger.</param>
/// <param name="RootHash">The tree's root over them, 64 lower-case hex digits.</param>
/// <param name="Policy">Class to the hash of its applied values, as in a change's <c>base</c>. Not of classes with confidential values: few are possible, and the root is public.</param>
public sealed record Baseline(long Size, string RootHash, IReadOnlyDictionary<string, string> Policy);
