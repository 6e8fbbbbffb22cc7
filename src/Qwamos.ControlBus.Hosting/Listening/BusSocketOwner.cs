namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>User and group of a socket file.</summary>
public readonly record struct BusSocketOwner(uint Uid, uint Gid);
