namespace Qwamos.ControlBus.Policy;

/// <summary>A value and the ledger index of the entry that gave it.</summary>
public readonly record struct Applied(PolicyValue Value, long Index);
