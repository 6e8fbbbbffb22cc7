namespace Qwamos.ControlBus.Ledger;

/// <summary>Who sent a message, as the kernel said at connect; a pid of another namespace is 0.</summary>
public readonly record struct EntryPeer(uint Uid, uint Gid, int Pid);
