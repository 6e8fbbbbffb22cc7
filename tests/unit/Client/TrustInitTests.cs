using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class TrustInitTests : IDisposable
{
    private readonly TrustTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void One_person_signs_everything_alone_and_the_first_version_is_sent()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "init", "--holder", "anna"));
        var root = Assert.Single(trial.Roots).Root;
        Assert.Equal(["operator", "root"], root.Roles.Select(role => role.Name).Order(StringComparer.Ordinal));
        Assert.All(root.Roles, role => Assert.Equal(1, role.Threshold));
        Assert.Equal(7, root.Baseline.Size);
        Assert.Contains("every policy key: anna (role operator, threshold 1)", trial.Output, StringComparison.Ordinal);
        Assert.Contains("version 1 of the trust root is in force, recorded as entry 7", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_public_document_leaves_out_hashes_of_classes_with_confidential_values()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "init", "--holder", "anna"));
        Assert.Equal(["gateway"], trial.Roots[0].Root.Baseline.Policy.Keys);
    }

    [Fact]
    public void Of_three_two_sign_the_next_one_and_what_arms()
    {
        trial.InitGroup();
        var root = trial.Current;
        Assert.Equal(2, root.RootRole.Threshold);
        var arming = root.Roles.Single(role => role.Name == "arming");
        Assert.Equal(2, arming.Threshold);
        Assert.Equal(0, trial.Run("carl", "trust", "show"));
        Assert.Contains("GHOST.trigger = \"armed\": 2 of anna, bert, carl", trial.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public void Of_two_each_signs_alone_unless_they_insist(bool insists, int threshold)
    {
        string[] words = ["trust", "init", "--holder", "anna", "--add", trial.Person("bert"), "--out", trial.At("root.json"), .. insists ? ["--no-recovery"] : Array.Empty<string>()];
        Assert.Equal(0, trial.Run("anna", words));
        Assert.Empty(trial.Roots);
        Assert.Equal(insists, trial.Output.Contains("2 of the role root", StringComparison.Ordinal));
        Assert.Contains($"the next trust root: {(threshold == 1 ? "any of anna, bert" : "anna, bert together")}", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_whose_first_version_needs_two_is_written_and_sent_once_the_second_signed()
    {
        var bert = trial.Person("bert");
        Assert.Equal(0, trial.Run("anna", "trust", "init", "--holder", "anna", "--add", bert, "--no-recovery", "--out", trial.At("root.json")));
        Assert.Equal(1, trial.Run("anna", "send", trial.At("root.json")));
        Assert.Contains("not_authorised", trial.Error, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("bert", "sign", trial.At("root.json"), "--yes"));
        Assert.Contains("it has all it needs", trial.Output, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("bert", "send", trial.At("root.json")));
        Assert.Equal(1, trial.Current.Version);
    }

    [Fact]
    public void A_second_first_version_is_refused_with_the_way_to_change_it()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "init", "--holder", "anna"));
        Assert.Equal(1, trial.Run("anna", "trust", "init", "--holder", "anna"));
        Assert.Contains("version 1 of the trust root is in force already", trial.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a holder's name is", "--holder", "Anna")]
    [InlineData("NAME=FILE", "--add", "bert")]
    [InlineData("--expires takes", "--expires", "soon")]
    [InlineData("--no-recovery is for several", "--no-recovery")]
    public void What_is_not_meant_so_is_a_usage_error(string says, params string[] words)
    {
        Assert.Equal(2, trial.Run("anna", ["trust", "init", .. words]));
        Assert.Contains(says, trial.Error, StringComparison.Ordinal);
        Assert.Empty(trial.Roots);
    }

    [Fact]
    public void A_private_key_is_not_taken_for_a_holders()
    {
        trial.Person("bert");
        Assert.Equal(2, trial.Run("anna", "trust", "init", "--add", $"bert={trial.HomeOf("bert")}/ed25519_sk"));
        Assert.Contains("looks like a private key", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_says_whether_it_was_sent_and_what_it_says()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "init", "--holder", "anna", "--expires", "30d", "-o", "json"));
        Assert.True(trial.Client.Json.TryGet("sent", out var sent) && sent.AsBoolean);
        Assert.True(trial.Client.Json.TryGet("root", out var root) && root.TryGet("version", out var version) && version.Equals(JsonValue.Of(1)));
        Assert.Equal(trial.Current.CreatedSeconds + (30 * 86_400), trial.Current.ExpiresSeconds);
    }

    [Fact]
    public void A_daemon_that_shows_a_root_nobody_enrolled_signed_is_not_believed()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "init", "--holder", "anna"));
        using TrustTrial other = new();
        Assert.Equal(0, other.Run("anna", "trust", "init", "--holder", "mallory"));
        trial.Roots[0] = other.Roots[0];
        Directory.Delete(Path.Combine(trial.HomeOf("anna"), "seen"), recursive: true);
        Assert.Equal(1, trial.Run("anna", "trust", "status"));
        Assert.Contains("does not follow from the enrolled key", trial.Error, StringComparison.Ordinal);
        Assert.Equal("", trial.Output);
    }

    [Fact]
    public void A_daemon_that_shows_an_older_one_than_seen_is_not_believed()
    {
        trial.InitGroup();
        trial.Roots.Clear();
        Assert.Equal(1, trial.Run("anna", "trust", "status"));
        Assert.Contains("says that version 0 of the trust root is in force, and version 1 was seen before", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_one_status_says_that_the_enrolled_key_signs_everything()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "status"));
        Assert.Contains("none yet: whoever holds the enrolled key may sign everything", trial.Output, StringComparison.Ordinal);
        Assert.Contains(trial.KeyOf("anna").Id.ToString(), trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Status_shows_which_gateway_is_behind()
    {
        trial.InitGroup();
        trial.Gateways["gw1"] = 1;
        trial.Gateways["gw2"] = 0;
        trial.Gateways["gw3"] = null;
        Assert.Equal(0, trial.Run("anna", "trust", "status"));
        Assert.Contains("gw1   version 1\n", trial.Output, StringComparison.Ordinal);
        Assert.Contains("gw2   version 0, is behind\n", trial.Output, StringComparison.Ordinal);
        Assert.Contains("gw3   not known", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_end_that_is_near_is_warned_of()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "init", "--holder", "anna", "--expires", "29d"));
        Assert.Equal(0, trial.Run("anna", "trust", "status"));
        Assert.Contains("the trust root ends", trial.Output, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("anna", "status"));
        Assert.Contains("the trust root ends", trial.Output, StringComparison.Ordinal);
    }
}
