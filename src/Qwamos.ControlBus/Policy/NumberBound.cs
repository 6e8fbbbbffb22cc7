using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>One of minimum, maximum, exclusiveMinimum, exclusiveMaximum.</summary>
internal sealed record NumberBound(JsonValue Given, bool IsMaximum, bool IsExclusive, string Rule)
{
    private ExactNumber Limit { get; } = ExactNumber.Parse(Given.NumberToken);

    public bool TryGetInteger(out long limit) => Given.TryGetInteger(out limit);

    public bool Admits(JsonValue number)
    {
        var order = number.TryGetInteger(out var integer) && Given.TryGetInteger(out var limit)
            ? integer.CompareTo(limit)
            : ExactNumber.Parse(number.NumberToken).CompareTo(Limit);
        if (order == 0)
            return !IsExclusive;
        return order < 0 == IsMaximum;
    }
}
