using System.Text;
using Qwamos.ControlBus.Tests.Listening;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class SeveralSignersTests : IDisposable
{
    private readonly TrustTrial trial = new();
    private readonly string file;

    public SeveralSignersTests()
    {
        trial.InitGroup();
        file = trial.At("change.json");
    }

    public void Dispose() => trial.Dispose();

    [Fact]
    public void What_others_are_to_do_does_not_name_ones_own_key_home()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file));
        var (own, theirs) = ($"qwamosctl --root {trial.Client.Root} --home {trial.HomeOf("anna")} --socket {trial.Client.Socket} ", $"qwamosctl --root {trial.Client.Root} --socket {trial.Client.Socket} ");
        Assert.EndsWith($"sign it: {own}sign {file}\neach of the others: {theirs}sign {file}\nthen anybody: {theirs}send {file}\n", trial.Output, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("anna", "trust", "renew", "--out", trial.At("renewed.json")));
        Assert.Contains($"each of them: {theirs}sign ", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_confidential_change_builds_on_what_is_set_and_another_of_its_class_does_not_make_that_public()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file));
        Assert.Contains("\"base\":{\"dom0\":\"" + new string('b', 64), File.ReadAllText(file), StringComparison.Ordinal);
        Assert.Contains("the values of dom0 when it was drawn up, not compared here", trial.Output, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("anna", "set", "KERNEL_HARDENING", "strict", "--out", file + "2"));
        Assert.DoesNotContain("base", File.ReadAllText(file + "2"), StringComparison.Ordinal);
        Assert.Contains("nothing: it is taken whatever is set when it comes", trial.Output, StringComparison.Ordinal);
        trial.Person("mallory");
        Assert.Equal(0, trial.Run("mallory", "set", "GHOST.trigger", "armed", "--out", file + "3"));
        Assert.Contains("It builds on nothing", trial.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("\"base\"", File.ReadAllText(file + "3"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_two_must_sign_is_refused_of_one_and_says_how_to_have_it_signed()
    {
        Assert.Equal(1, trial.Run("anna", "set", "GHOST.trigger", "armed"));
        Assert.Contains("GHOST.trigger needs 2 of the role arming: anna signed, 1 more of bert, carl must", trial.Error, StringComparison.Ordinal);
        Assert.Contains("--out change.json", trial.Error, StringComparison.Ordinal);
        Assert.Empty(trial.Taken);
    }

    [Fact]
    public void Two_of_three_sign_a_file_and_anybody_sends_it()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file, "--reason", "travelling"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(0, trial.Run("anna", "sign", file, "--yes"));
        Assert.Contains("GHOST.trigger = armed", trial.Output, StringComparison.Ordinal);
        Assert.Contains("needs 2 of the role arming: anna signed; more of bert, carl must", trial.Output, StringComparison.Ordinal);
        Assert.Equal(1, trial.Run("carl", "send", file));
        Assert.Contains("not_authorised", trial.Error, StringComparison.Ordinal);
        Assert.Contains($"Those who are missing: qwamosctl --root {trial.Client.Root} --socket {trial.Client.Socket} sign {file}", trial.Error, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("bert", "sign", file, "--yes"));
        Assert.Contains("signed by\n  anna, key", trial.Output, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("carl", "send", file));
        Assert.Contains("GHOST.trigger = (hidden)", trial.Output, StringComparison.Ordinal);
        Assert.Contains("\"system\":\"" + TrustTrial.System, Assert.Single(trial.Taken), StringComparison.Ordinal);
    }

    [Fact]
    public void A_change_for_several_may_wait_seven_days_and_no_longer()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file, "-o", "json"));
        Assert.True(trial.Client.Json.TryGet("msg", out var msg) && msg.TryGet("timestamp", out var timestamp) && msg.TryGet("expires", out var expires)
            && timestamp.TryGetInteger(out var from) && expires.TryGetInteger(out var to) && to == from + (7 * 86_400));
        Assert.Equal(2, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file + "2", "--expires", "8d"));
        Assert.False(File.Exists(file + "2"));
    }

    [Fact]
    public void What_one_may_sign_alone_may_not_wait()
    {
        Assert.Equal(2, trial.Run("anna", "set", "RADIO_ISOLATION", "off", "--out", file, "--expires", "1d"));
        Assert.Contains("one signature is enough", trial.Error, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("anna", "set", "RADIO_ISOLATION", "off", "--out", file));
        var text = File.ReadAllText(file);
        Assert.Contains("\"base\":{\"gateway\":\"" + new string('a', 64), text, StringComparison.Ordinal);
        Assert.Contains("must be sent within 300 s", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_was_changed_after_it_was_signed_is_signed_by_nobody_else()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file));
        Assert.Equal(0, trial.Run("anna", "sign", file, "--yes"));
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"armed\"", "\"disarmed\"", StringComparison.Ordinal));
        var before = File.ReadAllText(file);
        Assert.Equal(1, trial.Run("bert", "sign", file, "--yes"));
        Assert.Contains("does not hold", trial.Error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(file));
    }

    [Fact]
    public void A_strangers_signature_or_key_is_refused()
    {
        trial.Person("mallory");
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file));
        Assert.Equal(1, trial.Run("mallory", "sign", file, "--yes"));
        Assert.Contains("is not one that counts here: those of anna, bert, carl do", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_signed_without_a_yes()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file));
        trial.Client.HasPerson = false;
        Assert.Equal(1, trial.Run("anna", "sign", file));
        Assert.Contains("add --yes", trial.Error, StringComparison.Ordinal);
        (trial.Client.HasPerson, trial.Client.Input) = (true, "no\n");
        Assert.Equal(1, trial.Run("anna", "sign", file));
        Assert.Contains("\"signatures\":[]", File.ReadAllText(file), StringComparison.Ordinal);
        trial.Client.Input = "yes\n";
        Assert.Equal(0, trial.Run("anna", "sign", file));
        Assert.DoesNotContain("\"signatures\":[]", File.ReadAllText(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Who_has_signed_already_is_told_so_and_nothing_is_changed()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file));
        Assert.Equal(0, trial.Run("anna", "sign", file, "--yes"));
        var before = File.GetLastWriteTimeUtc(file);
        // Nobody is asked anything.
        trial.Client.HasPerson = false;
        Assert.Equal(0, trial.Run("anna", "sign", file));
        Assert.StartsWith("you have signed it already, and nothing was changed; ", trial.Output, StringComparison.Ordinal);
        Assert.Contains("has 1 signature\n", trial.Output, StringComparison.Ordinal);
        Assert.Contains("more of bert, carl must", trial.Output, StringComparison.Ordinal);
        Assert.Equal(before, File.GetLastWriteTimeUtc(file));
        Assert.Equal(0, trial.Run("anna", "sign", file, "-o", "json"));
        Assert.True(trial.Client.Json.TryGet("already", out var already) && already.AsBoolean);
    }

    [Fact]
    public void A_signature_that_somebody_else_made_in_ones_name_is_not_taken_for_ones_own()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file));
        Assert.Equal(0, trial.Run("bert", "sign", file, "--yes"));
        File.WriteAllText(file, File.ReadAllText(file).Replace(trial.KeyOf("bert").Id.ToString(), trial.KeyOf("anna").Id.ToString(), StringComparison.Ordinal));
        var elsewhere = Directory.CreateDirectory(trial.At("elsewhere")).FullName;
        Assert.Equal(1, trial.Client.RunBare(["--root", elsewhere, "--home", trial.HomeOf("anna"), "sign", file, "--yes"]));
        Assert.Contains("does not hold", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_signer_without_a_daemon_or_an_enrolled_key_is_told_that_nothing_was_compared()
    {
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file));
        var elsewhere = Directory.CreateDirectory(trial.At("elsewhere")).FullName;
        Assert.Equal(0, trial.Client.RunBare(["--root", elsewhere, "--home", trial.HomeOf("bert"), "sign", file, "--yes"]));
        Assert.Contains("NOT COMPARED", trial.Error, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("carl", "sign", file, "--yes"));
        Assert.Equal(0, trial.Run("carl", "send", file));
    }

    [Fact]
    public void Messages_name_their_key_once_a_trust_root_was_seen()
    {
        Assert.Equal(0, trial.Run("anna", "set", "RADIO_ISOLATION", "off"));
        Assert.Contains($"\"signatures\":[{{\"key_id\":\"{trial.KeyOf("anna").Id}\"", Assert.Single(trial.Taken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("anna", "RADIO_ISOLATION", "off", 0, "may set RADIO_ISOLATION = off alone")]
    [InlineData("anna", "GHOST.trigger", "fire", 0, "may set GHOST.trigger = fire alone")]
    [InlineData("anna", "GHOST.trigger", "armed", 1, "it takes 2 of anna, bert, carl (role arming, threshold 2)")]
    [InlineData("mallory", "RADIO_ISOLATION", "off", 1, "is not one of version 1")]
    public void Can_says_who_may(string person, string key, string value, int exit, string says)
    {
        trial.Person(person);
        Assert.Equal(exit, trial.Run(person, "can", key, value));
        Assert.Contains(says, trial.Output, StringComparison.Ordinal);
        Assert.Equal(exit, trial.Run(person, "can", key, value, "-o", "json"));
        Assert.True(trial.Client.Json.TryGet("alone", out var alone) && alone.AsBoolean == (exit == 0));
    }

    [Fact]
    public void Can_says_that_of_an_expired_trust_root_fire_is_left()
    {
        trial.Client.Clock = new ManualTime(trial.Now + (800 * 86_400));
        Assert.Equal(1, trial.Run("anna", "can", "RADIO_ISOLATION", "off"));
        Assert.Contains("the trust root has expired", trial.Output, StringComparison.Ordinal);
        Assert.Equal(1, trial.Run("anna", "can", "GHOST.trigger", "disarmed"));
        Assert.Equal(0, trial.Run("anna", "can", "GHOST.trigger", "fire"));
    }

    [Fact]
    public void Can_makes_no_key_and_says_who_may()
    {
        Assert.Equal(1, trial.Run("nobody", "can", "RADIO_ISOLATION", "off"));
        Assert.Contains("you may not set RADIO_ISOLATION = off: you have no key here\n", trial.Output, StringComparison.Ordinal);
        Assert.Contains("it takes any of anna, bert, carl (role operator, threshold 1)\n", trial.Output, StringComparison.Ordinal);
        Assert.Contains($"have one of them set it: qwamosctl --root {trial.Client.Root} --socket {trial.Client.Socket} set RADIO_ISOLATION off\n", trial.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(trial.HomeOf("nobody")));
        Assert.Equal(1, trial.Run("nobody", "can", "GHOST.trigger", "armed"));
        Assert.Contains("write it for them to sign: qwamosctl ", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Applying_a_file_that_waits_for_signatures_names_the_command_that_is_meant()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "renew", "--out", file));
        Assert.Equal(1, trial.Run("anna", "apply", file));
        Assert.Contains("it holds a trust root that waits for signatures", trial.Error, StringComparison.Ordinal);
        Assert.Contains($"send {file}", trial.Error, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("anna", "set", "GHOST.trigger", "armed", "--out", file + "2"));
        Assert.Equal(1, trial.Run("anna", "apply", file + "2"));
        Assert.Contains("it holds a change that waits for signatures", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_file_to_sign_is_said_to_be_none()
    {
        foreach (var content in new[] { "", "[]", "{}", """{"msg":{"command":"backup","nonce":"AAAAAAAAAAAAAAAAAAAAAA==","timestamp":1},"signatures":[]}""", """{"root":{},"signatures":[]}""" })
        {
            File.WriteAllText(file, content, Encoding.UTF8);
            Assert.Equal(1, trial.Run("anna", "sign", file, "--yes"));
            Assert.Contains("is not a file to sign", trial.Error, StringComparison.Ordinal);
        }
    }
}
