using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Checking;

/// <summary>One thing that was looked at.</summary>
/// <param name="Area">What it is, in a word or two; the same in each run.</param>
/// <param name="State">What came of it.</param>
/// <param name="What">What was seen: one sentence, without the final full stop.</param>
/// <param name="Mend">The command or the step that mends it; null when nothing is to be mended, or the sentence says it.</param>
internal sealed record Finding(string Area, CheckState State, string What, string? Mend = null)
{
    /// <summary>The state's name in JSON, and in the first column for a person.</summary>
    public string StateName => State switch
    {
        CheckState.Good => "good",
        CheckState.Doubtful => "look",
        CheckState.Bad => "bad",
        _ => "unseen",
    };

    public static Finding Good(string area, string what) => new(area, CheckState.Good, what);

    public static Finding Doubtful(string area, string what, string? mend = null) => new(area, CheckState.Doubtful, what, mend);

    public static Finding Bad(string area, string what, string? mend = null) => new(area, CheckState.Bad, what, mend);

    public static Finding NotSeen(string area, string what, string? mend = null) => new(area, CheckState.NotSeen, what, mend);

    /// <summary>The same with the places that this run was told of in each command that it proposes. Once: a command that has them already gets them again.</summary>
    public Finding Placed(Session session) => this with { What = session.Placed(What)!, Mend = session.Placed(Mend) };

    public JsonValue ToJson()
    {
        List<(string, JsonValue)> members = [("area", JsonValue.Of(Area)), ("state", JsonValue.Of(StateName)), ("what", JsonValue.Shown(What))];
        if (Mend is not null)
            members.Add(("mend", JsonValue.Shown(Mend)));
        return JsonValue.Object(members);
    }
}
