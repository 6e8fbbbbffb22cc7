using Qwamos.Client.Showing;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Trusting;

/// <summary>
/// Grants that look as if they said something and say nothing: of a value that its key cannot have, or of a key that there is not. A threshold that was moved to such
/// a grant is gone, though a line names it still.
/// </summary>
internal static class GrantValues
{
    /// <summary>A sentence for each that the version before had not; none where all can be.</summary>
    public static List<string> Faults(TrustRoot? before, TrustRoot root, PolicySchema schema) =>
        [.. Faults(root, schema).Except(before is null ? [] : Faults(before, schema), StringComparer.Ordinal)];

    /// <summary>Says each, loudly; a failure where nobody said yes to the command beforehand.</summary>
    public static Failure? Refusal(Session session, TrustRoot? before, TrustRoot root, bool isConfirmed)
    {
        if (!session.TryLoadSchema(out var schema, out var failure))
            return failure;
        var faults = Faults(before, root, schema);
        foreach (var fault in faults)
            session.Terminal.Note(session.Terminal.ErrorPaint.Bad("WARNING:") + " " + fault);
        return faults.Count == 0 || isConfirmed
            ? null
            : new Failure(ExitCode.Refused, "nothing was signed: it grants what this system's policy cannot have, and so takes away what the grant seems to keep", "Correct it; or, where that is meant, add --yes");
    }

    private static IEnumerable<string> Faults(TrustRoot root, PolicySchema schema)
    {
        foreach (var role in root.Roles)
        {
            foreach (var grant in role.Policy)
            {
                var keys = schema.Keys.Where(key => grant.Key.EndsWith('*') ? key.Name.StartsWith(grant.Key[..^1], StringComparison.Ordinal) : key.Name == grant.Key).ToList();
                if (keys.Count == 0)
                    yield return $"the role {role.Name} grants {SafeText.ForTerminal(grant.Key)}, and this system's policy has no such key";
                foreach (var value in keys.Count == 0 ? [] : grant.Values ?? [])
                {
                    if (!PolicyValue.TryFrom(value, out var read) || !keys.Any(key => key.Admits(read)))
                        yield return $"the role {role.Name} grants {SafeText.ForTerminal(grant.Key)} = {RootText.Value(value)}, and {(keys.Count == 1 ? $"{keys[0].Name} takes {keys[0].ValuesInWords()}" : "no such key takes that value")}";
                }
            }
        }
    }
}
