namespace Qwamos.ControlBus.Ledger;

/// <summary>What somebody else remembers of the ledger: the boot's memory, later a witness or the client.</summary>
/// <param name="Size">Entries.</param>
/// <param name="RootHash">The root over them, 64 lower-case hex digits.</param>
public sealed record RememberedTree(long Size, string RootHash);
