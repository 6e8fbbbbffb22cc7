using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>A policy value among the members of a document.</summary>
internal static class PolicyValueMember
{
    public static PolicyValue Value(this MemberReader reader, string name)
    {
        if (!PolicyValue.TryFrom(reader.Any(name), out var value))
            reader.Refuse($"{name} must be a string, an integer or a boolean");
        return value;
    }
}
