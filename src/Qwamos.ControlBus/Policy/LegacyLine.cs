namespace Qwamos.ControlBus.Policy;

/// <summary>A remark about one line of a legacy policy file.</summary>
/// <param name="Number">The line, from 1.</param>
/// <param name="Name">The key as it stands there, safe for a terminal; with its section.</param>
/// <param name="Remark">What is to be said of it; never the value of a confidential key.</param>
public sealed record LegacyLine(int Number, string Name, string Remark);
