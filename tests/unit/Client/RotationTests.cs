using System.Text;
using Qwamos.Client;
using Qwamos.Client.Showing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class RotationTests : IDisposable
{
    private const string Both = "send both";
    private readonly TrustTrial trial = new();
    private readonly KeyId old;
    private int asked;

    public RotationTests()
    {
        trial.Client.Clock = new HurryingClock();
        Assert.True(trial.Run("anna", "trust", "init", "--holder", "anna") == 0, trial.Error);
        old = trial.KeyOf("anna").Id;
        // A gateway that takes each version some questions later.
        trial.Gateways["gw1"] = 0;
        trial.Before = request => trial.Gateways["gw1"] = request.Contains("get_status", StringComparison.Ordinal) && ++asked % 3 == 0 ? trial.Current.Version : trial.Gateways["gw1"];
    }

    /// <summary>Every step, in order.</summary>
    public static TheoryData<string> Steps => ["make", "note", Both, "sent both", "await", "archive", "switching", "take", "switched", "send new", "sent new", "done"];

    public void Dispose() => trial.Dispose();

    [Fact]
    public void The_new_key_takes_the_old_ones_place_and_the_old_one_is_kept_outside_every_list()
    {
        Assert.True(trial.Run("anna", "trust", "rotate") == 0, trial.Error);
        AssertReplaced();
        Assert.Equal(3, trial.Current.Version);
        Assert.Equal(2, trial.Roots[1].Root.Keys.Count);
        Assert.Equal([old], trial.Roots[1].Signatures.Select(signature => signature.Key));
        Assert.Equal([trial.KeyOf("anna").Id], trial.Roots[2].Signatures.Select(signature => signature.Key));
    }

    [Fact]
    public void The_old_key_stays_listed_until_its_last_message_is_too_old()
    {
        Assert.True(trial.Run("anna", "trust", "rotate") == 0, trial.Error);
        Assert.True(trial.Roots[2].Root.CreatedSeconds - trial.Roots[1].Root.CreatedSeconds >= Limits.RotationOverlapSeconds);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void Killed_at_any_step_it_goes_on_and_no_change_is_refused_meanwhile(string step)
    {
        Assert.True(WasKilled(step));
        Assert.True(trial.Run("anna", "set", "RADIO_ISOLATION", "off") == 0, trial.Error);
        Assert.True(trial.Run("anna", "trust", "rotate") == 0, trial.Error);
        AssertReplaced();
        Assert.Equal(3, trial.Current.Version);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void Killed_at_any_step_it_can_be_undone_as_long_as_the_old_key_is_listed(string step)
    {
        Assert.True(WasKilled(step));
        var isPast = step is "sent new" or "done";
        Assert.Equal(isPast || step is "make" or "note" ? 1 : 0, trial.Run("anna", "trust", "rotate", "--undo"));
        if (isPast)
        {
            Assert.Contains("Finish the replacement", trial.Error, StringComparison.Ordinal);
            return;
        }
        Assert.Equal(old, trial.KeyOf("anna").Id);
        Assert.Equal([old], trial.Current.Keys.Select(key => key.Id));
        AssertTidy();
        Assert.False(Directory.Exists(Path.Combine(trial.HomeOf("anna"), "old", old.ToString())));
        Assert.True(trial.Run("anna", "set", "RADIO_ISOLATION", "off") == 0, trial.Error);
    }

    [Theory]
    [InlineData("undo")]
    [InlineData("take back")]
    [InlineData("send old")]
    [InlineData("sent old")]
    [InlineData("forget")]
    [InlineData("unarchive")]
    [InlineData("unnote")]
    public void Undoing_killed_at_any_step_goes_on(string step)
    {
        Assert.True(WasKilled("send new"));
        Assert.Throws<KilledException>(() => new RotationUndoing(Session(), new RotationTerms(null, 600, true), at => Kill(at, step)).Run());
        if (step != "undo")
        {
            Assert.Equal(1, trial.Run("anna", "trust", "rotate"));
            Assert.Contains("is being taken back", trial.Error, StringComparison.Ordinal);
        }
        Assert.True(trial.Run("anna", "trust", "rotate", "--undo") == 0, trial.Error);
        Assert.Equal(old, trial.KeyOf("anna").Id);
        Assert.Equal([old], trial.Current.Keys.Select(key => key.Id));
        AssertTidy();
        Assert.False(Directory.Exists(Path.Combine(trial.HomeOf("anna"), "old", old.ToString())));
    }

    [Fact]
    public void A_version_that_somebody_put_in_the_place_of_the_one_that_waits_is_not_signed()
    {
        InitTwo();
        var file = trial.At("trust-root-4.json");
        Assert.True(trial.Run("anna", "trust", "rotate", "--out", file) == 0, trial.Error);
        var swapped = trial.At("swapped.json");
        Assert.Equal(0, trial.Run("bert", "trust", "renew", "--out", swapped));
        File.Copy(swapped, file, overwrite: true);
        Assert.Equal(1, trial.Run("anna", "trust", "rotate"));
        Assert.Contains("is not the version that was written there", trial.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(old.ToString(), File.ReadAllText(file)[File.ReadAllText(file).IndexOf("\"signatures\"", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }

    [Fact]
    public void Nobody_else_changes_the_home_meanwhile_and_another_run_that_went_on_is_seen()
    {
        using (KeyHomeLock.Take(trial.HomeOf("anna")))
        {
            Assert.NotEqual(0, trial.Run("anna", "trust", "rotate"));
            Assert.Contains("another program is changing the key", trial.Error, StringComparison.Ordinal);
        }
        var exit = new Rotation(Session(), new RotationTerms(null, 600, true), at =>
        {
            if (at == "await" && !File.ReadAllText(Path.Combine(trial.HomeOf("anna"), "rotation.json")).Contains("\"undone\":true", StringComparison.Ordinal))
                Assert.Throws<KilledException>(() => new RotationUndoing(Session(), new RotationTerms(null, 600, true), step => Kill(step, "send old")).Run());
        }).Run();
        Assert.NotEqual(0, exit);
        Assert.Equal(old, trial.KeyOf("anna").Id);
        Assert.True(trial.Run("anna", "trust", "rotate", "--undo") == 0, trial.Error);
        AssertTidy();
    }

    [Fact]
    public void Killed_between_the_two_files_of_the_home_it_goes_on()
    {
        Assert.True(WasKilled("take"));
        File.Copy(Path.Combine(trial.HomeOf("anna"), "next", "ed25519_sk"), Path.Combine(trial.HomeOf("anna"), "ed25519_sk"), overwrite: true);
        Assert.Equal(4, trial.Run("anna", "set", "RADIO_ISOLATION", "off"));
        Assert.True(trial.Run("anna", "trust", "rotate") == 0, trial.Error);
        AssertReplaced();
    }

    [Fact]
    public void A_gateway_that_does_not_take_it_stops_it_before_the_home_is_switched()
    {
        trial.Before = _ => { };
        Assert.Equal(1, trial.Run("anna", "trust", "rotate", "--timeout", "30s"));
        Assert.Contains("version 2 of the trust root has not reached gw1", trial.Error, StringComparison.Ordinal);
        Assert.Equal(old, trial.KeyOf("anna").Id);
        trial.Before = _ => trial.Gateways["gw1"] = trial.Current.Version;
        Assert.True(trial.Run("anna", "trust", "rotate") == 0, trial.Error);
        AssertReplaced();
    }

    [Fact]
    public void Every_so_often_means_not_before_and_says_when()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "rotate", "--every", "90d"));
        Assert.Contains("not due", trial.Output, StringComparison.Ordinal);
        Assert.Equal(1, trial.Current.Version);
        ((HurryingClock)trial.Client.Clock).Advance(TimeSpan.FromDays(89));
        Assert.Equal(0, trial.Run("anna", "trust", "renew"));
        Assert.Equal(0, trial.Run("anna", "trust", "rotate", "--every", "90d"));
        Assert.Equal(2, trial.Current.Version);
        ((HurryingClock)trial.Client.Clock).Advance(TimeSpan.FromDays(1));
        Assert.True(trial.Run("anna", "trust", "rotate", "--every", "90d") == 0, trial.Error);
        AssertReplaced();
        Assert.Equal(0, trial.Run("anna", "trust", "rotate", "--every", "90d"));
        Assert.Contains("not due", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_two_must_sign_it_waits_in_a_file_twice_and_goes_on()
    {
        InitTwo();
        for (var version = 4; version <= 5; version++)
        {
            var file = trial.At($"trust-root-{version}.json");
            Assert.True(trial.Run("anna", "trust", "rotate", "--out", file, "-o", "json") == 0, trial.Error);
            Assert.True(trial.Client.Json.TryGet("done", out var done) && !done.AsBoolean);
            Assert.True(trial.Run("anna", "trust", "rotate") == 0, trial.Error);
            Assert.Equal(version - 1, trial.Current.Version);
            Assert.Contains("1 more of bert must", trial.Output, StringComparison.Ordinal);
            Assert.True(trial.Run("bert", "sign", file, "--yes") == 0, trial.Error);
        }
        Assert.True(trial.Run("anna", "trust", "rotate") == 0, trial.Error);
        Assert.Equal(5, trial.Current.Version);
        AssertReplaced();
    }

    [Fact]
    public void What_waits_lies_where_others_can_read_it_and_is_gone_when_they_sent_it_themselves()
    {
        InitTwo();
        var file = trial.At("trust-root-4.json");
        Assert.True(trial.Run("anna", "trust", "rotate", "--out", file) == 0, trial.Error);
        Assert.Contains($"written to {file}, and not in force", trial.Output, StringComparison.Ordinal);
        Assert.True(File.GetUnixFileMode(file).HasFlag(UnixFileMode.OtherRead));
        Assert.Empty(Directory.GetFiles(trial.HomeOf("anna"), "trust-root-*.json"));
        Assert.Equal(0, trial.Run("bert", "sign", file, "--yes"));
        Assert.Equal(0, trial.Run("bert", "send", file));
        Assert.True(trial.Run("anna", "trust", "rotate", "--out", trial.At("trust-root-5.json")) == 0, trial.Error);
        Assert.False(File.Exists(file));
        Assert.True(File.Exists(trial.At("trust-root-5.json")));
        // It may have been moved.
        File.Move(trial.At("trust-root-5.json"), trial.At("moved.json"));
        Assert.Equal(0, trial.Run("bert", "sign", trial.At("moved.json"), "--yes"));
        Assert.True(trial.Run("anna", "trust", "rotate", "--out", trial.At("moved.json")) == 0, trial.Error);
        AssertReplaced();
    }

    [Fact]
    public void What_waits_is_withdrawn_when_it_is_undone_and_copies_are_named()
    {
        InitTwo();
        var (file, copy) = (trial.At("trust-root-4.json"), trial.At("copy.json"));
        Assert.True(trial.Run("anna", "trust", "rotate", "--out", file) == 0, trial.Error);
        File.Copy(file, copy);
        Assert.True(trial.Run("anna", "trust", "rotate", "--undo") == 0, trial.Error);
        Assert.False(File.Exists(file));
        Assert.True(WaitingHash(copy) is { } hash && trial.Output.Contains($"SHA-256 {hash}; have copies of it thrown away", StringComparison.Ordinal), trial.Output);
        AssertTidy();
        // As it says: another next version is the end of it.
        Assert.Equal(0, trial.Run("anna", "trust", "renew", "--out", trial.At("renewed.json")));
        Assert.Equal(0, trial.Run("bert", "sign", trial.At("renewed.json"), "--yes"));
        Assert.Equal(0, trial.Run("bert", "send", trial.At("renewed.json")));
        Assert.Equal(1, trial.Run("bert", "send", copy));
    }

    [Fact]
    public void A_key_with_a_passphrase_is_replaced_in_one_run_by_one_with_the_same()
    {
        var passphrase = trial.Client.Write("passphrase", "open sesame\n");
        File.SetUnixFileMode(passphrase, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.True(trial.Run("anna", "keys", "protect", "--passphrase-file", passphrase, "--comment", "anna's") == 0, trial.Error);
        Assert.Equal(4, trial.Run("anna", "trust", "rotate"));
        Assert.Contains("give --passphrase-file FILE", trial.Error, StringComparison.Ordinal);
        Assert.Equal(1, trial.Current.Version);
        // Typed once.
        trial.Client.Passphrases.Enqueue("open sesame");
        Assert.True(trial.Run("anna", "trust", "rotate") == 0, trial.Error);
        Assert.NotEqual(old, trial.KeyOf("anna").Id);
        Assert.Single(trial.Client.Asked);
        Assert.Equal(3, trial.Current.Version);
        AssertTidy();
        Assert.Contains("anna's", File.ReadAllText(Path.Combine(trial.HomeOf("anna"), "ed25519_sk")), StringComparison.Ordinal);
        Assert.True(trial.Run("anna", "set", "RADIO_ISOLATION", "off", "--passphrase-file", passphrase) == 0, trial.Error);
    }

    [Fact]
    public void Without_a_trust_root_it_says_what_comes_first()
    {
        using TrustTrial other = new();
        Assert.Equal(1, other.Run("anna", "trust", "rotate"));
        Assert.Contains("trust init", other.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(other.HomeOf("anna"), "next")));
    }

    /// <summary>Anna and Bert, who must both sign the next trust root: version 4 is that.</summary>
    private void InitTwo()
    {
        Assert.Equal(0, trial.Run("anna", "trust", "add", trial.Person("bert")));
        Assert.Equal(0, trial.Run("anna", "trust", "threshold", "root", "2", "--out", trial.At("two.json")));
        Assert.Equal(0, trial.Run("bert", "sign", trial.At("two.json"), "--yes"));
        Assert.Equal(0, trial.Run("bert", "send", trial.At("two.json")));
    }

    private static string WaitingHash(string file)
    {
        Assert.True(SignedRoot.TryRead(ClientTrial.Parse(File.ReadAllText(file)), out var root, out var fault), fault);
        return root.Root.Hash;
    }

    private bool WasKilled(string step)
    {
        Assert.Throws<KilledException>(() => new Rotation(Session(), new RotationTerms(null, 600, true), at => Kill(at, step)).Run());
        return true;
    }

    private static void Kill(string at, string step)
    {
        if (at == step)
            throw new KilledException();
    }

    private Session Session()
    {
        Assert.True(SystemPaths.TryCreate(trial.Client.Root, out var paths, out _));
        Terminal terminal = new(new MemoryStream(), new MemoryStream(), () => new MemoryStream(Encoding.UTF8.GetBytes("")), trial.Client.Clock);
        return new Session(terminal, paths, trial.HomeOf("anna"), trial.Client.Socket, false);
    }

    private void AssertReplaced()
    {
        var now = trial.KeyOf("anna").Id;
        Assert.NotEqual(old, now);
        Assert.Equal(now, Assert.Single(trial.Current.Holders.Single(holder => holder.Name == "anna").Keys).Id);
        Assert.Null(trial.Current.FindKey(old));
        AssertTidy();
        var kept = Path.Combine(trial.HomeOf("anna"), "old", old.ToString());
        Assert.True(new KeyHome(kept).TryLoad(out var archived, out var fault), fault);
        Assert.Equal(old, archived.Id);
        archived.Dispose();
        Assert.True(trial.Run("anna", "set", "RADIO_ISOLATION", "off") == 0, trial.Error);
    }

    private void AssertTidy()
    {
        Assert.False(Directory.Exists(Path.Combine(trial.HomeOf("anna"), "next")));
        Assert.False(File.Exists(Path.Combine(trial.HomeOf("anna"), "rotation.json")));
        Assert.Empty(Directory.GetFiles(trial.HomeOf("anna"), "trust-root-*.json"));
    }

    private sealed class KilledException : Exception;
}
