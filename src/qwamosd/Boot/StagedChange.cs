using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>One key that waits for this boot, its signed change verified again.</summary>
/// <param name="Key">The key, as this system's schema has it.</param>
/// <param name="Value">The value in the signed `args`.</param>
/// <param name="Index">The ledger's entry.</param>
/// <param name="IsForThisDomain">False when the signed audience leaves dom0 out: recorded, not applied here.</param>
internal sealed record StagedChange(PolicyKey Key, PolicyValue Value, long Index, bool IsForThisDomain)
{
    /// <summary>`KEY=value` for people; a confidential value is hidden (ATTACK 40).</summary>
    public string Shown => $"{Key.Name}={(Key.IsConfidential ? "(hidden)" : Value.ToLine())} (entry {Index})";
}
