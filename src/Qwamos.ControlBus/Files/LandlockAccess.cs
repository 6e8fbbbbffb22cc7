namespace Qwamos.ControlBus.Files;

/// <summary>What may be done; each includes those before it.</summary>
public enum LandlockAccess
{
    /// <summary>Read files, list folders.</summary>
    Read,

    /// <summary>And execute.</summary>
    Execute,

    /// <summary>Read, write, make, remove and rename; not execute.</summary>
    Write,

    /// <summary>All of it.</summary>
    WriteAndExecute,
}
