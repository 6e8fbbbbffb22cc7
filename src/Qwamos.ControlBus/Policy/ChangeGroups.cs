namespace Qwamos.ControlBus.Policy;

/// <summary>
/// Which keys may stand in one message: a confidential key only with keys of its own class (DESIGN section 5;
/// <c>all</c> is a class of its own), so that no other class ever receives it.
/// </summary>
public static class ChangeGroups
{
    /// <summary>
    /// The least number of groups that can each be one message, in the order of their first keys: one, when nothing
    /// confidential meets another class. Else the keys of each class with a confidential key make a group, all others one more.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<PolicyKey>> Split(IEnumerable<PolicyKey> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var given = keys.ToList();
        var guarded = given.Where(key => key.IsConfidential).Select(key => key.Class).ToHashSet(StringComparer.Ordinal);
        return [.. given
            .GroupBy(key => guarded.Contains(key.Class) ? key.Class : "", StringComparer.Ordinal)
            .Select(IReadOnlyList<PolicyKey> (group) => [.. group])];
    }
}
