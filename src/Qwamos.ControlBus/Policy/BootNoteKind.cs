namespace Qwamos.ControlBus.Policy;

/// <summary>What a boot note tells.</summary>
public enum BootNoteKind
{
    /// <summary>What the boot made of staged keys.</summary>
    Applied,

    /// <summary>The boot put the last known good back in the place of values that did not prove themselves.</summary>
    PutBack,

    /// <summary>Root lowered the time floor.</summary>
    TimeFloor,

    /// <summary>Root replaced the anchor.</summary>
    AnchorReplaced,

    /// <summary>Root put a copy of the ledger in its place that extends all that anybody had seen.</summary>
    Restored,

    /// <summary>Root put a copy in its place that does not: what was seen after it is lost, on purpose.</summary>
    RestoredOlder,
}
