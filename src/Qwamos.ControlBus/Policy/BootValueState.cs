namespace Qwamos.ControlBus.Policy;

/// <summary>How far a value that the boot brought into place has proven itself. The zero value is that it has not.</summary>
public enum BootValueState
{
    /// <summary>On trial: a boot that does not complete counts against it.</summary>
    Trial,

    /// <summary>A boot completed with it, but it is not wholly in force yet. When it is, it goes on trial again.</summary>
    Waiting,

    /// <summary>A boot completed with it, wholly in force: the last known good.</summary>
    Good,
}
