using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Trust;

/// <summary>A person (or a machine that signs by itself): thresholds count holders, however many keys one has.</summary>
/// <param name="Name">1 to 32 of a-z, 0-9 and <c>-</c>, a letter first.</param>
/// <param name="Keys">At least one; more while one replaces another.</param>
public sealed record Holder(string Name, IReadOnlyList<VerifyingKey> Keys);
