using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class ConvertTests : IDisposable
{
    private const string Legacy = """
        # the old policy
        radio_isolation = OFF
        [RADIO_HARDENING]
        level=strict
        VERIFIED_BOOT_ENFORCE=enforce
        SIG=abcdef
        """;

    private readonly ClientTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void A_legacy_file_becomes_one_that_validate_accepts()
    {
        Assert.Equal(0, trial.Run("convert", trial.Write("policy.conf", Legacy)));
        Assert.Equal("{\n  \"RADIO_ISOLATION\": \"off\",\n  \"RADIO_HARDENING.level\": \"strict\",\n  \"BOOT_VERIFICATION\": \"strict\"\n}\n", trial.Output);
        Assert.Contains("line 6: note: SIG", trial.Error);
        Assert.Equal(0, trial.Run("validate", trial.Write("policy.json", trial.Output)));
    }

    [Fact]
    public void An_unknown_key_exits_1_with_its_line_and_prints_nothing()
    {
        var file = trial.Write("policy.conf", Legacy + "\nNO_SUCH=1\n");
        Assert.Equal(1, trial.Run("convert", file));
        Assert.Equal("", trial.Output);
        Assert.Contains("line 7: unknown: ", trial.Error);
        Assert.Equal(0, trial.Run("convert", "--skip-unknown", file));
        Assert.Contains("line 7: left out: ", trial.Error);
        Assert.Contains("RADIO_ISOLATION", trial.Output);
    }

    [Fact]
    public void A_wrong_value_is_never_skipped()
    {
        var file = trial.Write("policy.conf", "RADIO_ISOLATION=sideways\n");
        Assert.Equal(1, trial.Run("convert", "--skip-unknown", file));
        Assert.Equal("", trial.Output);
    }

    [Fact]
    public void A_file_that_sets_nothing_is_converted_to_nothing_and_it_says_so()
    {
        Assert.Equal(0, trial.Run("convert", trial.Write("policy.conf", "# nothing\n")));
        Assert.Equal("{\n}\n", trial.Output);
        Assert.Contains("sets no policy key", trial.Error);
    }

    [Fact]
    public void Json_of_a_file_that_is_not_understood_names_every_line()
    {
        Assert.Equal(1, trial.Run("convert", "-o", "json", trial.Write("policy.conf", "NO_SUCH=1\nTOR_ISOLATION=x\nSIG=a\n")));
        Assert.True(trial.Json.TryGet("unknown", out var unknown) && unknown.Items.Length == 1);
        Assert.True(trial.Json.TryGet("faults", out var faults) && faults.Items.Length == 1);
        Assert.True(trial.Json.TryGet("notes", out var notes) && notes.Items.Length == 1);
        Assert.StartsWith("""{"status":"error",""", trial.Output);
    }

    [Fact]
    public void Json_gives_the_policy_and_every_remark()
    {
        Assert.Equal(0, trial.Run("convert", "-o", "json", trial.Write("policy.conf", Legacy)));
        Assert.StartsWith("""{"status":"ok","policy":{"RADIO_ISOLATION":"off",""", trial.Output);
        Assert.Contains("""{"line":6,"key":"SIG",""", trial.Output);
    }
}
