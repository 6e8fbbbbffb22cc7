using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class CommandLineTests : IDisposable
{
    private readonly ClientTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Theory]
    [InlineData("there is no command stauts; did you mean status?", "stauts")]
    [InlineData("there is no command shwo; did you mean show?", "key", "shwo")]
    [InlineData("All commands: qwamosctl key --help", "key", "shwo")]
    [InlineData("there is no option --revael; did you mean --reveal?", "status", "--revael")]
    [InlineData("health does not take on", "health", "on")]
    [InlineData("there is no command on", "keys", "on")]
    [InlineData("-o takes text or json, not yaml", "keys", "-o", "yaml")]
    [InlineData("See: qwamosctl validate --help", "validate")]
    [InlineData("qwamosctl --help")]
    [InlineData("See: qwamosctl key --help", "key")]
    [InlineData("completion is for bash, zsh and fish, not csh", "completion", "csh")]
    public void A_usage_error_exits_2_and_names_the_nearest(string said, params string[] words)
    {
        Assert.Equal(2, trial.Run(words));
        Assert.Contains(said, trial.Error);
        Assert.Equal("", trial.Output);
    }

    [Fact]
    public void A_usage_error_has_a_json_form()
    {
        Assert.Equal(2, trial.Run("stauts", "-o", "json"));
        Assert.Contains("\"code\":\"usage\"", trial.Output);
    }

    [Fact]
    public void Root_as_root_is_refused()
    {
        Assert.Equal(2, trial.Run("keys", "--root", "/"));
    }

    [Fact]
    public void Help_is_on_standard_output_and_exits_0()
    {
        Assert.Equal(0, trial.Run("--help"));
        Assert.Contains("completion", trial.Output);
        Assert.DoesNotContain("__complete", trial.Output);
        Assert.Equal(0, trial.Run("set", "--help"));
        Assert.Contains("--dry-run", trial.Output);
        Assert.Equal("", trial.Error);
    }

    [Fact]
    public void An_at_sign_is_no_response_file()
    {
        Assert.Equal(2, trial.Run("set", "@/etc/hostname", "x"));
        Assert.Contains("@/etc/hostname", trial.Error);
    }

    [Fact]
    public void Keys_lists_every_key_of_the_schema()
    {
        Assert.Equal(0, trial.Run("keys"));
        Assert.All(PolicySchema.BuiltIn.Keys, key => Assert.Contains(key.Name + "  ", trial.Output));
        Assert.Equal(0, trial.Run("keys", "-o", "json"));
        Assert.True(trial.Json.TryGet("keys", out var keys));
        Assert.Equal(PolicySchema.BuiltIn.Keys.Count, keys.Items.Length);
    }

    [Fact]
    public void Key_show_makes_a_key_once_and_gives_its_id()
    {
        Assert.Equal(0, trial.Run("key", "show"));
        var first = trial.Output;
        Assert.Matches("key ID      [0-9a-f]{64}\n", first);
        Assert.Contains("--fingerprint", first);
        Assert.Equal(0, trial.Run("key", "show", "-o", "json"));
        Assert.True(trial.Json.TryGet("key_id", out var id));
        Assert.Contains(id.AsString, first);
        Assert.True(trial.Json.TryGet("enrolled", out var enrolled));
        Assert.Equal(JsonKind.Null, enrolled.Kind);
    }

    [Fact]
    public void Key_show_knows_whether_the_key_is_enrolled()
    {
        Assert.Equal(0, trial.Run("key", "show"));
        Directory.CreateDirectory(Path.Combine(trial.Root, "etc/qwamos"));
        File.Copy(Path.Combine(trial.Home, "ed25519_pk"), Path.Combine(trial.Root, "etc/qwamos/dom0.pub"));
        Assert.Equal(0, trial.Run("key", "show"));
        Assert.Contains("enrolled    yes", trial.Output);
        using FakeBus bus = new(trial.Socket, """{"status":"ok","policy":{},"pending":{},"key_id":"93"}""");
        Assert.Equal(0, trial.Run("key", "show"));
        Assert.Contains("the running one believes another key, 93: restart it", trial.Output);
    }

    [Fact]
    public void Key_show_warns_that_another_operators_key_would_stop_working()
    {
        using var theirs = Qwamos.ControlBus.Keys.SigningKey.Generate();
        Directory.CreateDirectory(Path.Combine(trial.Root, "etc/qwamos"));
        File.WriteAllBytes(Path.Combine(trial.Root, "etc/qwamos/dom0.pub"), theirs.Public.Raw.ToArray());
        Assert.Equal(0, trial.Run("key", "show"));
        Assert.Matches("Use the key home of the enrolled key, with --home DIR. To enrol this one in place of theirs, which then stops working: .* enroll .* --replace\n", trial.Output);
        Assert.DoesNotContain("enroll ", trial.Error);
    }

    [Theory]
    [InlineData("status", "st")]
    [InlineData("set", "s")]
    [InlineData("--dry-run", "set", "--d")]
    [InlineData("RADIO_ISOLATION", "set", "RADIO_I")]
    [InlineData("mandatory", "set", "TOR_ISOLATION", "")]
    [InlineData("KERNEL_HARDENING", "--home", "set", "set", "TOR_ISOLATION", "off", "")]
    [InlineData("true", "set", "DURESS.enabled", "t")]
    [InlineData("json", "status", "-o", "")]
    [InlineData("staged", "set", "--mode", "")]
    [InlineData("show", "key", "")]
    [InlineData("zsh", "completion", "")]
    [InlineData("10", "set", "RADIO_IDLE_TIMEOUT_MIN", "")]
    [InlineData("KERNEL_HARDENING", "--home", "=", "x", "set", "KER")]
    [InlineData("KERNEL_HARDENING", "--home=x", "set", "KER")]
    public void Completion_offers(string candidate, params string[] words)
    {
        Assert.Equal(0, Complete(words));
        Assert.Contains(candidate, trial.Output.Split('\n'));
        Assert.All(trial.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith(words[^1], line));
    }

    [Theory]
    [InlineData("--root", "ROOT")]
    [InlineData("--root", "=", "ROOT")]
    [InlineData("--root=ROOT")]
    public void Completion_reads_the_schema_below_the_root_that_is_typed(params string[] words)
    {
        Directory.CreateDirectory(Path.Combine(trial.Root, "etc/qwamos"));
        var schema = File.ReadAllText(Path.Combine(Repository.Root, "schemas/policy.schema.json"));
        trial.Write("etc/qwamos/policy.schema.json", schema.Replace("KERNEL_HARDENING", "OTHER_KEY", StringComparison.Ordinal));
        Assert.Equal(0, Complete([.. words.Select(word => word.Replace("ROOT", trial.Root, StringComparison.Ordinal)), "set", "OTH"]));
        Assert.Equal("OTHER_KEY\n", trial.Output);
    }

    [Theory]
    [InlineData("RADIO_ISOLATION", "set", "RADIO_ISOLATION", "off", "")]
    [InlineData("off", "set", "NO_SUCH_KEY", "")]
    [InlineData("--policy-file", "--")]
    public void Completion_does_not_offer(string candidate, params string[] words)
    {
        Assert.Equal(0, Complete(words));
        Assert.DoesNotContain(candidate, trial.Output.Split('\n'));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public void A_completion_script_is_printed(string shell)
    {
        Assert.Equal(0, trial.Run("completion", shell));
        Assert.Contains("__complete", trial.Output);
    }

    private int Complete(string[] words) => trial.RunBare(["__complete", .. words]);
}
