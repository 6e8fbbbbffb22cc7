using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// What root's programs made of this boot, for whoever asks while nothing else runs: `/run/qwamos-boot.json`, gone with the next boot. A boot that
/// has nothing to say writes none before it completes. Immutable.
/// </summary>
public sealed record BootRun
{
    private const long Format = 1;
    private const int MaxBytes = 262_144;
    private const int MaxAskedCodePoints = 16;
    private const int MaxLineCodePoints = 512;
    private const int MaxLines = 64;

    /// <summary>What the boot loader's user asked for: the kernel parameter, or empty.</summary>
    public string Asked { get; init; } = "";

    /// <summary>The boot of which this speaks.</summary>
    public required string Boot { get; init; }

    public BootOutcome Outcome { get; init; }

    /// <summary>Why it is not complete: a sentence, empty when it is, or when it is not known yet.</summary>
    public string Why { get; init; } = "";

    /// <summary>What was said on the way, oldest first.</summary>
    public IReadOnlyList<string> Said { get; init; } = [];

    /// <summary>What the running system showed when the boot completed, a result a key.</summary>
    public IReadOnlyList<BootResult> Observed { get; init; } = [];

    /// <summary>As root remembers it, or would if the disk had room.</summary>
    public BootAssessment Assessment { get; init; } = BootAssessment.Empty;

    /// <summary>Values were put back at this boot.</summary>
    public bool HasPutBack => Assessment.ReturnedIn == Boot && Assessment.Returned.Count > 0;

    /// <summary>The document's form of an outcome.</summary>
    public static string NameOf(BootOutcome outcome) => outcome switch
    {
        BootOutcome.Complete => "complete",
        BootOutcome.Incomplete => "incomplete",
        _ => "begun",
    };

    /// <summary>Writes it for root and the group of qwamosd, which may read what the boot says.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(SystemPaths paths, uint? gid)
    {
        ArgumentNullException.ThrowIfNull(paths);
        DurableFile.ReplaceVolatile(paths.BootRunFile, JsonText.Line(ToJson()), BootFolder.FileMode, gid);
    }

    /// <summary>Reads it; null without a fault when there is none of this boot.</summary>
    public static BootRun? Read(SystemPaths paths, string boot, out string fault)
    {
        ArgumentNullException.ThrowIfNull(paths);
        if (!TrustedDocument.TryReadIfPresent(paths.BootRunFile, paths, MaxBytes, out var content, out fault) || content is null)
            return null;
        if (!StrictJson.TryParse(content, out var document, out var why, MaxBytes) || !TryRead(document, out var run, out why))
        {
            fault = $"{paths.BootRunFile}: {why}";
            return null;
        }
        return run.Boot == boot ? run : null;
    }

    private JsonValue ToJson() => JsonValue.Object(
    [
        ("format", JsonValue.Of(Format)),
        ("boot", JsonValue.Of(Boot)),
        ("asked", JsonValue.Of(Asked)),
        ("outcome", JsonValue.Of(NameOf(Outcome))),
        ("why", JsonValue.Shown(CodePoints.Take(Why, MaxLineCodePoints))),
        ("said", JsonValue.Array(Said.TakeLast(MaxLines).Select(line => JsonValue.Shown(CodePoints.Take(line, MaxLineCodePoints))))),
        ("observed", JsonValue.Array(Observed.Select(result => result.ToJson()))),
        ("assessment", Assessment.ToJson()),
    ]);

    private static bool TryRead(JsonValue document, [NotNullWhen(true)] out BootRun? run, out string fault)
    {
        var reader = new MemberReader(document, "what the boot says");
        reader.Integer("format", Format, Format);
        var outcome = reader.Text("outcome", MaxAskedCodePoints);
        if (!BootAssessment.TryRead(reader.Any("assessment"), out var assessment, out fault))
            reader.Refuse(fault);
        run = new BootRun
        {
            Boot = reader.Text("boot", BootId.Digits),
            Asked = reader.Text("asked", MaxAskedCodePoints),
            Outcome = Enum.GetValues<BootOutcome>().FirstOrDefault(each => NameOf(each) == outcome),
            Why = reader.Text("why", MaxLineCodePoints),
            Said = [.. reader.Array("said", MaxLines).Select(line => line.TryGetString(out var text) ? text : "")],
            Observed = BootResult.ReadAll(reader, "observed"),
            Assessment = assessment ?? BootAssessment.Empty,
        };
        if (reader.Finish(out fault))
            return true;
        run = null;
        return false;
    }
}
