namespace Qwamos.ControlBus.Policy;

/// <summary>What a boot note tells.</summary>
public enum BootNoteKind
{
    /// <summary>What the boot made of staged keys.</summary>
    Applied,

    /// <summary>Root lowered the time floor.</summary>
    TimeFloor,

    /// <summary>Root replaced the anchor.</summary>
    AnchorReplaced,
}
