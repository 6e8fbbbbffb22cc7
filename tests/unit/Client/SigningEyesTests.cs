using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>What somebody signs is what they were shown, and what a daemon says alone makes nothing verified.</summary>
public sealed class SigningEyesTests : IDisposable
{
    private readonly TrustTrial trial = new();
    private readonly string file;

    public SigningEyesTests()
    {
        trial.InitGroup();
        file = trial.At("change.json");
    }

    public void Dispose() => trial.Dispose();

    [Fact]
    public void Values_that_only_their_kind_tells_apart_are_a_difference()
    {
        var text = JsonText.ToText(trial.Current.Document);
        var (one, two) = (Read(text.Replace("\"armed\"", "false", StringComparison.Ordinal)), Read(text.Replace("\"armed\"", "\"false\"", StringComparison.Ordinal)));
        Assert.Contains(RootDiff.Of(one, two), line => line.StartsWith("now: GHOST.trigger = \"false\": 2 of", StringComparison.Ordinal));
        Assert.Contains(RootDiff.Of(one, two), line => line.StartsWith("no more: GHOST.trigger = false: 2 of", StringComparison.Ordinal));
        Assert.False(RootDiff.SaysSame(one, two));
    }

    [Fact]
    public void Documents_that_differ_are_never_said_to_be_the_same()
    {
        var text = JsonText.ToText(trial.Current.Document);
        Assert.True(trial.Current.Document.TryGet("holders", out var holders));
        Assert.True(holders.TryGet("anna", out var anna));
        var key = JsonText.ToText(anna.Items[0]);
        trial.Person("dora");
        var dora = trial.KeyOf("dora");
        var other = $$"""{"algorithm":"ed25519","key_id":"{{dora.Id}}","public_key":"{{Convert.ToBase64String(dora.Raw)}}"}""";
        var (one, two) = (Read(text.Replace(key, $"{key},{other}", StringComparison.Ordinal)), Read(text.Replace(key, $"{other},{key}", StringComparison.Ordinal)));
        Assert.Equal([RootDiff.Unshown], RootDiff.Of(one, two));
        Assert.Empty(RootDiff.Of(one, one));
    }

    [Fact]
    public void A_grant_of_what_no_key_can_have_takes_a_yes_beforehand()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "show", "-o", "json"));
        Assert.True(trial.Client.Json.TryGet("root", out var root));
        var edited = trial.Client.Write("edited.json", JsonText.ToText(root).Replace("\"armed\"", "\"armd\"", StringComparison.Ordinal));
        var drawn = trial.At("drawn.json");
        (trial.Client.HasPerson, trial.Client.Input) = (true, "yes\n");
        Assert.Equal(1, trial.Run("anna", "trust", "propose", edited, "--out", drawn));
        Assert.Contains("WARNING: the role arming grants GHOST.trigger = \"armd\"", trial.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(drawn));
        Assert.True(trial.Run("anna", "trust", "propose", edited, "--out", drawn, "--yes") == 0, trial.Error);
        Assert.Equal(1, trial.Run("bert", "sign", drawn));
        Assert.Contains("WARNING: the role arming grants", trial.Error, StringComparison.Ordinal);
        Assert.True(trial.Run("bert", "sign", drawn, "--yes") == 0, trial.Error);
    }

    [Fact]
    public void A_version_that_a_lying_daemon_took_is_not_kept_as_verified()
    {
        var renewed = trial.At("renewed.json");
        Assert.Equal(0, trial.Run("anna", "trust", "renew", "--out", renewed));
        trial.Lie = answer => answer.TryGet("code", out _) ? ClientTrial.Parse("""{"status":"ok","result":{"version":2},"index":8}""") : answer;
        Assert.Equal(1, trial.Run("carl", "send", renewed));
        Assert.Contains("it is not believed here", trial.Error, StringComparison.Ordinal);
        trial.Lie = answer => answer;
        Assert.True(trial.Run("carl", "trust", "show") == 0, trial.Error);
        Assert.Contains("version 1", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trust_root_that_waits_with_a_signature_that_does_not_hold_is_not_signed()
    {
        var renewed = trial.At("renewed.json");
        Assert.Equal(0, trial.Run("anna", "trust", "renew", "--out", renewed));
        var text = File.ReadAllText(renewed);
        Assert.True(ClientTrial.Parse(text).TryGet("root", out var root));
        Assert.True(root.TryGet("expires", out var expires));
        var end = JsonText.ToText(expires);
        File.WriteAllText(renewed, text.Replace(end, end[..^1] + (end[^1] == '0' ? '1' : '0'), StringComparison.Ordinal));
        Assert.Equal(1, trial.Run("bert", "sign", renewed, "--yes"));
        Assert.Contains("does not hold", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_change_that_is_dated_ahead_is_not_signed()
    {
        ShiftedClock clock = new() { Shift = TimeSpan.FromDays(2) };
        trial.Client.Clock = clock;
        Assert.True(trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file) == 0, trial.Error);
        clock.Shift = TimeSpan.Zero;
        Assert.Equal(1, trial.Run("anna", "sign", file, "--yes"));
        Assert.Contains("s from now; 300 s are allowed", trial.Error, StringComparison.Ordinal);
        clock.Shift = TimeSpan.FromDays(2);
        Assert.True(trial.Run("anna", "sign", file, "--yes") == 0, trial.Error);
    }

    [Fact]
    public void Who_is_asked_sees_the_text_where_standard_output_is_json()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file));
        (trial.Client.HasPerson, trial.Client.Input) = (true, "no\n");
        Assert.Equal(1, trial.Run("anna", "sign", file, "-o", "json"));
        Assert.Contains("GHOST.trigger = armed", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_signature_that_came_meanwhile_stays()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file));
        var berts = trial.At("berts.json");
        File.Copy(file, berts);
        Assert.Equal(0, trial.Run("bert", "sign", berts, "--yes"));
        trial.Before = _ => File.Copy(berts, file, overwrite: true);
        Assert.True(trial.Run("anna", "sign", file, "--yes") == 0, trial.Error);
        var text = File.ReadAllText(file);
        Assert.Contains($"\"key_id\":\"{trial.KeyOf("anna").Id}\"", text, StringComparison.Ordinal);
        Assert.Contains($"\"key_id\":\"{trial.KeyOf("bert").Id}\"", text, StringComparison.Ordinal);
    }

    private static TrustRoot Read(string document)
    {
        Assert.True(SignedRoot.TryRead(JsonValue.Object([("root", ClientTrial.Parse(document)), ("signatures", JsonValue.Array())]), out var signed, out var fault, mayBeUnsigned: true), fault);
        return signed.Root;
    }

    private sealed class ShiftedClock : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
    }
}
