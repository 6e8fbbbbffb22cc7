using Qwamos.Client;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class TrustEditTests : IDisposable
{
    private readonly TrustTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void A_holder_is_added_to_every_role_and_removed_again()
    {
        InitAlone();
        Assert.Equal(0, trial.Run("anna", "trust", "add", trial.Person("bert")));
        Assert.Contains($"bert JOINS with the key {trial.KeyOf("bert").Id}", trial.Output, StringComparison.Ordinal);
        Assert.All(trial.Current.Roles, role => Assert.Equal(["anna", "bert"], role.Holders));
        Assert.Equal(0, trial.Run("bert", "set", "RADIO_ISOLATION", "off"));
        Assert.Equal(0, trial.Run("anna", "trust", "remove", "bert"));
        Assert.Contains("bert LEAVES", trial.Output, StringComparison.Ordinal);
        Assert.Equal(3, trial.Current.Version);
        Assert.Equal(1, trial.Run("bert", "set", "RADIO_ISOLATION", "off"));
        Assert.Contains("Your key is not one of the trust root in force", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_holder_of_one_role_only_may_do_that_only()
    {
        InitAlone();
        Assert.Equal(0, trial.Run("anna", "trust", "add", trial.Person("bert"), "--role", "operator"));
        Assert.Equal(["anna"], trial.Current.RootRole.Holders);
        Assert.Equal(0, trial.Run("bert", "trust", "renew", "--out", trial.At("renewed.json")));
        Assert.Equal(1, trial.Run("bert", "send", trial.At("renewed.json")));
        Assert.Contains("not_authorised", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_trust_root_is_mended_as_a_trust_root_is()
    {
        trial.InitGroup();
        var (one, two, three) = (trial.At("one.json"), trial.At("two.json"), trial.At("three.json"));
        foreach (var file in new[] { one, two })
            Assert.Equal(0, trial.Run("anna", "trust", "renew", "--expires", file == one ? "300d" : "200d", "--out", file));
        Assert.Equal(1, trial.Run("anna", "send", one));
        Assert.Contains($"Those who are missing: qwamosctl --root {trial.Client.Root} --socket {trial.Client.Socket} sign {one}; then again: ", trial.Error, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("bert", "sign", one, "--yes"));
        Assert.Equal(0, trial.Run("bert", "sign", two, "--yes"));
        Assert.Equal(0, trial.Run("bert", "send", one));
        Assert.Equal(1, trial.Run("bert", "send", two));
        Assert.Contains("refused (fork)", trial.Error, StringComparison.Ordinal);
        Assert.Contains("Somebody else's version 2 came first", trial.Error, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("anna", "trust", "renew", "--expires", "300d", "--out", three));
        Assert.Equal(0, trial.Run("bert", "sign", three, "--yes"));
        Assert.Equal(0, trial.Run("bert", "send", three));
        Assert.Equal(1, trial.Run("bert", "send", two));
        Assert.Contains("refused (superseded)", trial.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("clock", trial.Error, StringComparison.Ordinal);
        Assert.Contains("Look at the one in force", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Versions_are_compared_with_the_one_before_and_with_the_enrolled_key_alone()
    {
        Assert.Equal(2, trial.Run("anna", "trust", "diff"));
        Assert.Contains("there is no trust root yet", trial.Error, StringComparison.Ordinal);
        InitAlone();
        foreach (var words in new string[][] { [], ["0"], ["1"], ["0", "1"] })
        {
            Assert.Equal(0, trial.Run("anna", ["trust", "diff", .. words]));
            Assert.StartsWith("version 0 to 1\n  the enrolled key is anna's\n", trial.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("dom0", trial.Output, StringComparison.Ordinal);
        }
        Assert.Equal(0, trial.Run("anna", "trust", "renew", "--expires", "300d"));
        Assert.Equal(0, trial.Run("anna", "trust", "diff", "1"));
        Assert.StartsWith("version 1 to 2\n  it ends ", trial.Output, StringComparison.Ordinal);
        Assert.Equal(2, trial.Run("anna", "trust", "diff", "3"));
    }

    [Fact]
    public void Without_a_terminal_nothing_is_signed_that_was_not_agreed_to_beforehand()
    {
        InitAlone();
        trial.Client.HasPerson = false;
        foreach (var words in new string[][] { ["renew"], ["add", trial.Person("bert")], ["rotate"], ["rotate", "--undo"] })
        {
            Assert.Equal(1, trial.Run("anna", ["trust", .. words]));
            Assert.Contains("add --yes", trial.Error, StringComparison.Ordinal);
            Assert.Equal(1, trial.Current.Version);
        }
        Assert.False(Directory.Exists(Path.Combine(trial.HomeOf("anna"), "next")));
        Assert.Equal(0, trial.Run("anna", "trust", "renew", "--yes"));
        Assert.Equal(2, trial.Current.Version);
    }

    [Fact]
    public void Whoever_is_needed_cannot_be_removed_and_the_way_is_said()
    {
        InitAlone();
        Assert.Equal(1, trial.Run("anna", "trust", "remove", "anna"));
        Assert.Contains("anna alone has the role", trial.Error, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("anna", "trust", "add", trial.Person("bert")));
        Assert.Equal(0, trial.Run("anna", "trust", "threshold", "root", "2", "--out", trial.At("two.json")));
        Assert.Equal(0, trial.Run("bert", "sign", trial.At("two.json"), "--yes"));
        Assert.Equal(0, trial.Run("bert", "send", trial.At("two.json")));
        Assert.Equal(1, trial.Run("anna", "trust", "remove", "bert"));
        Assert.Contains("the role root needs 2 to sign, and without bert it has 1", trial.Error, StringComparison.Ordinal);
        Assert.Contains("trust threshold root 1", trial.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("threshold", "root", "2")]
    [InlineData("threshold", "roots", "1")]
    [InlineData("remove", "nobody")]
    public void What_cannot_be_is_a_usage_error_and_nothing_is_sent(params string[] words)
    {
        InitAlone();
        Assert.Equal(2, trial.Run("anna", ["trust", .. words]));
        Assert.Equal(1, trial.Current.Version);
    }

    [Fact]
    public void Renewing_changes_the_end_and_nothing_else()
    {
        InitAlone();
        Assert.Equal(0, trial.Run("anna", "trust", "renew", "--expires", "100d"));
        Assert.Equal(trial.Current.CreatedSeconds + (100 * 86_400), trial.Current.ExpiresSeconds);
        Assert.Equal(0, trial.Run("anna", "trust", "diff", "-o", "json"));
        Assert.True(trial.Client.Json.TryGet("differences", out var lines) && lines.Items.Length == 1 && lines.Items[0].AsString.StartsWith("it ends", StringComparison.Ordinal));
    }

    [Fact]
    public void An_edited_document_keeps_what_it_leaves_out_and_cannot_choose_its_version()
    {
        InitAlone();
        var file = trial.Client.Write("edited.json", """{"version":77,"created":1,"roles":{"root":{"holders":["anna"],"threshold":1},"radio":{"holders":["anna"],"threshold":1,"policy":[{"key":"RADIO*"}]}}}""");
        Assert.Equal(0, trial.Run("anna", "trust", "propose", file));
        Assert.Equal(2, trial.Current.Version);
        Assert.Contains("now: policy keys that begin with RADIO: anna", trial.Output, StringComparison.Ordinal);
        Assert.Equal(trial.Roots[0].Root.ExpiresSeconds, trial.Current.ExpiresSeconds);
        Assert.Equal(1, trial.Run("anna", "can", "TOR_ISOLATION", "off"));
        Assert.Contains("no role has it", trial.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"holder":{}}""", "its member holder is none of")]
    [InlineData("""{"roles":{"root":{"holders":["nobody"],"threshold":1}}}""", "names that stand among the trust root's holders")]
    [InlineData("[]", "it is not an object")]
    [InlineData("{", "it is not JSON")]
    public void An_edited_document_that_is_none_is_refused(string content, string says)
    {
        InitAlone();
        Assert.Equal(1, trial.Run("anna", "trust", "propose", trial.Client.Write("edited.json", content)));
        Assert.Contains(says, trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_version_can_be_shown_and_compared_with_any_other()
    {
        InitAlone();
        Assert.Equal(0, trial.Run("anna", "trust", "add", trial.Person("bert")));
        Assert.Equal(0, trial.Run("anna", "trust", "show", "1"));
        Assert.DoesNotContain("bert", trial.Output, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("anna", "trust", "diff", "2", "1"));
        Assert.Contains("bert LEAVES", trial.Output, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("anna", "trust", "diff", "0", "1"));
        Assert.Contains("the enrolled key is anna's", trial.Output, StringComparison.Ordinal);
        Assert.Equal(2, trial.Run("anna", "trust", "show", "3"));
    }

    [Fact]
    public void Nobody_draws_up_a_version_on_what_a_daemon_made_up()
    {
        InitAlone();
        using TrustTrial other = new();
        Assert.Equal(0, other.Run("anna", "trust", "init", "--holder", "mallory"));
        Assert.Equal(0, other.Run("anna", "trust", "renew"));
        trial.Roots.Add(other.Roots[1]);
        Assert.Equal(1, trial.Run("anna", "trust", "add", trial.Person("bert")));
        Assert.Contains("does not follow version 1", trial.Error, StringComparison.Ordinal);
        Assert.Equal(2, trial.Roots.Count);
    }

    [Fact]
    public void Attack07_A_revoked_keys_word_for_the_ledgers_key_is_taken_no_more()
    {
        InitAlone();
        Assert.Equal(0, trial.Run("anna", "trust", "add", trial.Person("bert")));
        Assert.True(new KeyHome(trial.HomeOf("bert")).TryLoad(out var bert, out _));
        Assert.True(new KeyHome(trial.HomeOf("anna")).TryLoad(out var anna, out _));
        using (bert)
        using (anna)
        {
            var ledger = new CheckpointSigner(SigningKey.Generate(), Checkpoint.OriginOf(TrustTrial.System)).Key.ToString();
            var (his, hers) = (LedgerKeyStatement.Sign(bert, ledger, TrustTrial.System, trial.Now), LedgerKeyStatement.Sign(anna, ledger, TrustTrial.System, trial.Now));
            Assert.True(LedgerTrust.Believes(Session(), his));
            var revoked = $$$"""
                {"holders":{"anna":[{"algorithm":"ed25519","key_id":"{{{anna.Id}}}","public_key":"{{{Convert.ToBase64String(anna.PublicRaw)}}}"}]},
                "roles":{"root":{"holders":["anna"],"threshold":1},"operator":{"holders":["anna"],"threshold":1,"commands":["*"],"policy":[{"key":"*"}]}},
                "revoked":[{"key_id":"{{{bert.Id}}}","from":3}]}
                """;
            Assert.True(trial.Run("anna", "trust", "propose", trial.Client.Write("revoked.json", revoked)) == 0, trial.Error);
            Assert.False(LedgerTrust.Believes(Session(), his));
            Assert.True(LedgerTrust.Believes(Session(), hers));
            // His was the newest: what she said before it, of a key that may have been left behind, does not come back.
            Assert.False(LedgerTrust.Replaces(Session(), hers, his));
            Assert.True(LedgerTrust.Replaces(Session(), LedgerKeyStatement.Sign(anna, ledger, TrustTrial.System, trial.Now + 1), his));
            // A stranger's, which a daemon showed at first sight, says nothing against hers.
            using var stranger = SigningKey.Generate();
            Assert.True(LedgerTrust.Replaces(Session(), hers, LedgerKeyStatement.Sign(stranger, ledger, TrustTrial.System, trial.Now + 1)));
        }
    }

    private Session Session()
    {
        Assert.True(SystemPaths.TryCreate(trial.Client.Root, out var paths, out _));
        return new Session(new Terminal(new MemoryStream(), new MemoryStream(), () => new MemoryStream(), trial.Client.Clock), paths, trial.HomeOf("anna"), trial.Client.Socket, false);
    }

    private void InitAlone() => Assert.Equal(0, trial.Run("anna", "trust", "init", "--holder", "anna"));
}
