namespace Qwamos.ControlBus.Envelopes;

/// <summary>What is wrong with one policy key: an element of an answer's <c>faults</c>.</summary>
public sealed record Fault(string Key, string Reason);
