namespace Qwamos.ControlBus.Ledger;

/// <summary>How a ledger is opened.</summary>
public enum LedgerOpenMode
{
    /// <summary>Nothing is written; the file must exist.</summary>
    ReadOnly,

    /// <summary>The one writer's; the file is made when it does not exist.</summary>
    ReadWrite,
}
