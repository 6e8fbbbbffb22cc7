using System.Text;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// What status.json and pending.conf say (DESIGN section 6): pure functions of the fold, so that a projection rebuilt at any time from the
/// ledger is the same file. Confidential values, and those of keys the schema does not know, are hidden.
/// </summary>
public static class Projections
{
    private const string PendingHead = """
        # QWAMOS: what is staged and waits for the next boot. Written from the ledger.
        # Editing this file changes nothing: the boot applies signed changes only.


        """;

    /// <summary>The content of status.json: one line of JSON.</summary>
    /// <param name="state">The fold.</param>
    /// <param name="schema">Says which values are hidden.</param>
    /// <param name="lastUpdateSeconds">When the newest entry was recorded, unix seconds; 0 before the first.</param>
    /// <param name="tree">The tree over the entries folded; null leaves size and root hash out.</param>
    public static byte[] Status(PolicyState state, PolicySchema schema, long lastUpdateSeconds = 0, MerkleTree? tree = null)
    {
        List<(string, JsonValue)> members =
        [
            ("policy", Values(state.Policy, schema)),
            ("last_update", JsonValue.Of(lastUpdateSeconds)),
            ("pending", Values(state.Staged, schema)),
        ];
        if (tree is not null)
        {
            members.Add(("size", JsonValue.Of(tree.Size)));
            members.Add(("root_hash", JsonValue.Of(Convert.ToHexStringLower(tree.Root()))));
        }
        return JsonText.Line(JsonValue.Object(members));
    }

    /// <summary>The content of pending.conf: two comment lines, a blank line, and a line KEY=value for each staged key, in the order of names.</summary>
    public static string Pending(PolicyState state, PolicySchema schema)
    {
        var text = new StringBuilder(PendingHead);
        foreach (var (name, staged) in state.Staged)
            text.Append(name).Append('=').Append(HiddenValues.ToLine(schema, name, staged.Value)).Append('\n');
        return text.ToString();
    }

    private static JsonValue Values(IEnumerable<KeyValuePair<string, Applied>> values, PolicySchema schema) =>
        JsonValue.Object(values.Select(pair => (pair.Key, HiddenValues.ToJson(schema, pair.Key, pair.Value.Value))));
}
