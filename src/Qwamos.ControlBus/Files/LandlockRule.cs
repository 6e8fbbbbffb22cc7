namespace Qwamos.ControlBus.Files;

/// <summary>What a confined program may do at a path, and below it where that is a folder. A path that is not there gives nothing.</summary>
public sealed record LandlockRule(string Path, LandlockAccess Access);
