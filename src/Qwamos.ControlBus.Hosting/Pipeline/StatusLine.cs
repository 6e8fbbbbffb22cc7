using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>Writes the answer to <c>get_status</c> below 65,536 bytes whatever the policy holds: members are left out from the end, and named.</summary>
internal static class StatusLine
{
    public static byte[] Write(IReadOnlyList<(string Name, JsonValue Value)> members)
    {
        int kept = members.Count;
        byte[] line = Line(members, kept);
        while (line.Length > Limits.MaxAnswerBytes && kept > 0)
            line = Line(members, --kept);
        return line;
    }

    private static byte[] Line(IReadOnlyList<(string Name, JsonValue Value)> members, int kept)
    {
        List<(string, JsonValue)> shown = [("status", JsonValue.Of("ok")), .. members.Take(kept)];
        if (kept < members.Count)
            shown.Add(("left_out", JsonValue.Array(members.Skip(kept).Select(member => member.Name))));
        return JsonText.Line(JsonValue.Object(shown));
    }
}
