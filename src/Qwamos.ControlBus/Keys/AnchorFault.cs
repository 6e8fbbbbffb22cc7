namespace Qwamos.ControlBus.Keys;

/// <summary>Why there is no anchor to start with. A bad one never falls back to anything.</summary>
/// <param name="IsAbsent">The file does not exist; false when it exists and cannot be trusted.</param>
/// <param name="Text">One sentence that ends with the mend.</param>
public sealed record AnchorFault(bool IsAbsent, string Text);
