using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Keys;

public sealed class EnrolmentTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly SigningKey _key = SigningKey.Generate();
    private readonly StringWriter _output = new();
    private readonly List<(KeyId? Old, KeyId New)> _recorded = [];
    private readonly SystemPaths _paths;

    public EnrolmentTests()
    {
        Assert.True(SystemPaths.TryCreate(_directory.At("root"), out var paths, out _));
        _paths = paths;
    }

    public void Dispose()
    {
        _key.Dispose();
        _output.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("yes", true)]
    [InlineData(" yes ", true)]
    [InlineData("y", false)]
    [InlineData("Yes", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Person_at_a_terminal_says_yes_or_nothing_is_enrolled(string? answer, bool isEnrolled)
    {
        var outcome = Enrol(_key, terminal: new StringReader(answer is null ? "" : answer + "\n"));
        Assert.Equal(isEnrolled ? EnrolmentResult.Enrolled : EnrolmentResult.Refused, outcome.Result);
        Assert.Equal(isEnrolled, File.Exists(_paths.AnchorFile));
        Assert.Contains(_key.Public.Id.ToString(), _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Fingerprint_given_beforehand_enrols_with_mode_0644_and_a_system_id()
    {
        var outcome = Enrol(_key, fingerprint: _key.Public.Id.ToString());
        Assert.Equal(EnrolmentResult.Enrolled, outcome.Result);
        Assert.Equal(_key.Public.Raw.ToArray(), File.ReadAllBytes(_paths.AnchorFile));
        Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(_paths.AnchorFile), 8));
        Assert.True(SystemId.TryLoad(_paths, out string? systemId, out _));
        Assert.Equal(systemId, outcome.SystemId);
        Assert.Empty(_recorded);
    }

    [Fact]
    public void File_given_for_a_fingerprint_is_told_what_is_meant()
    {
        var outcome = Enrol(_key, fingerprint: "/home/ada/.qwamos/dom0/ed25519_pk");
        Assert.Equal(EnrolmentResult.Refused, outcome.Result);
        Assert.Contains("--fingerprint takes the 64 hex digits that `qwamosctl key show` shows, not /home/ada/.qwamos/dom0/ed25519_pk", outcome.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0000")]
    [InlineData("short")]
    public void Wrong_or_shortened_fingerprint_enrols_nothing(string how)
    {
        string fingerprint = how == "short" ? _key.Public.Id.Short : how;
        Assert.Equal(EnrolmentResult.Refused, Enrol(_key, fingerprint: fingerprint).Result);
        Assert.False(File.Exists(_paths.AnchorFile));
    }

    [Fact]
    public void Without_terminal_and_fingerprint_nothing_is_enrolled()
    {
        var outcome = Enrol(_key);
        Assert.Equal(EnrolmentResult.Refused, outcome.Result);
        Assert.Contains("--fingerprint", outcome.Text, StringComparison.Ordinal);
        Assert.False(File.Exists(_paths.AnchorFile));
    }

    [Fact]
    public void Standing_anchor_is_never_overwritten_without_replace()
    {
        using var other = SigningKey.Generate();
        Enrol(_key, fingerprint: _key.Public.Id.ToString());
        var outcome = Enrol(other, fingerprint: other.Public.Id.ToString());
        Assert.Equal(EnrolmentResult.Refused, outcome.Result);
        Assert.Contains("--replace", outcome.Text, StringComparison.Ordinal);
        Assert.Equal(_key.Public.Raw.ToArray(), File.ReadAllBytes(_paths.AnchorFile));
    }

    [Fact]
    public void Same_key_again_is_no_change_but_with_replace_it_begins_anew()
    {
        Enrol(_key, fingerprint: _key.Public.Id.ToString());
        Assert.Equal(EnrolmentResult.AlreadyEnrolled, Enrol(_key).Result);
        Assert.Empty(_recorded);
        // Asked to replace it all the same, root has the trust begin anew from it: that is recorded.
        Assert.Equal(EnrolmentResult.AlreadyEnrolled, Enrol(_key, _key.Public.Id.ToString(), replace: true).Result);
        Assert.Equal((_key.Public.Id, _key.Public.Id), Assert.Single(_recorded));
    }

    [Fact]
    public void Replacement_is_recorded_and_keeps_the_system_id()
    {
        using var other = SigningKey.Generate();
        var first = Enrol(_key, fingerprint: _key.Public.Id.ToString());
        var second = Enrol(other, fingerprint: other.Public.Id.ToString(), replace: true);
        Assert.Equal(EnrolmentResult.Replaced, second.Result);
        Assert.Equal((_key.Public.Id, other.Public.Id), Assert.Single(_recorded));
        Assert.Equal(other.Public.Raw.ToArray(), File.ReadAllBytes(_paths.AnchorFile));
        Assert.Equal(first.SystemId, second.SystemId);
    }

    [Fact]
    public void Replacement_that_cannot_be_recorded_does_not_happen()
    {
        using var other = SigningKey.Generate();
        Enrol(_key, fingerprint: _key.Public.Id.ToString());
        var request = Request(other, other.Public.Id.ToString()) with
        {
            Replace = true,
            RecordReplacement = (_, _) => throw new IOException("no space left"),
        };
        Assert.Throws<IOException>(() => request.Run());
        Assert.Equal(_key.Public.Raw.ToArray(), File.ReadAllBytes(_paths.AnchorFile));
    }

    [Fact]
    public void Unreadable_anchor_is_replaced_only_on_demand()
    {
        Enrol(_key, fingerprint: _key.Public.Id.ToString());
        File.WriteAllBytes(_paths.AnchorFile, [1, 2, 3]);
        var kept = Enrol(_key, _key.Public.Id.ToString());
        Assert.Equal(EnrolmentResult.Refused, kept.Result);
        Assert.Contains("--replace", kept.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("mv ", kept.Text, StringComparison.Ordinal);
        Assert.Equal(EnrolmentResult.Replaced, Enrol(_key, _key.Public.Id.ToString(), replace: true).Result);
        Assert.Equal((null, _key.Public.Id), Assert.Single(_recorded));
    }

    [Theory]
    [InlineData("ed25519_sk", 32)]
    [InlineData("copy", 32)]
    [InlineData("passwd", 1000)]
    public void File_that_is_no_public_key_is_named_and_left_alone(string name, int bytes)
    {
        Assert.True(new KeyHome(_directory.At("home")).TryLoadOrCreate(out var own, out _, out _));
        string file = Path.Combine(_directory.At("home"), name);
        if (bytes != 32)
            File.WriteAllBytes(file, new byte[bytes]);
        else if (name == "copy")
            File.Copy(Path.Combine(_directory.At("home"), "ed25519_sk"), file);
        var outcome = (Request(_key, own.Public.Id.ToString()) with { File = file }).Run();
        own.Dispose();
        Assert.Equal(EnrolmentResult.Refused, outcome.Result);
        Assert.Contains(bytes == 32 ? "that is the private key; give ed25519_pk" : "give the public key file, the operator's ed25519_pk", outcome.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("mv ", outcome.Text, StringComparison.Ordinal);
        Assert.False(File.Exists(_paths.AnchorFile));
    }

    [Fact]
    public void System_id_made_again_is_said_to_be_new()
    {
        Enrol(_key, fingerprint: _key.Public.Id.ToString());
        File.Delete(_paths.SystemIdFile);
        var outcome = Enrol(_key);
        Assert.Equal($"A new system ID was made: {outcome.SystemId}. Copy it to every VM.", outcome.Text);
    }

    [Fact]
    public void Gateway_without_a_system_id_is_not_enrolled_without_dom0s()
    {
        string fingerprint = _key.Public.Id.ToString();
        var refused = (Request(_key, fingerprint) with { IsGateway = true }).Run();
        Assert.Equal((EnrolmentResult.Refused, "not enrolled: this machine has no system ID yet: give --system HEX, the content of Dom0's /etc/qwamos/system.id"), (refused.Result, refused.Text));
        Assert.False(File.Exists(_paths.AnchorFile) || File.Exists(_paths.SystemIdFile));
        Assert.Equal(EnrolmentResult.Enrolled, (Request(_key, fingerprint) with { IsGateway = true, System = new string('1', 32) }).Run().Result);
        Assert.Equal(EnrolmentResult.AlreadyEnrolled, (Request(_key, fingerprint) with { IsGateway = true }).Run().Result);
    }

    [Fact]
    public void System_id_given_is_installed_0644_and_another_one_only_with_replace()
    {
        string one = new('1', 32), two = new('2', 32), fingerprint = _key.Public.Id.ToString();
        Assert.Equal(one, (Request(_key, fingerprint) with { System = one }).Run().SystemId);
        Assert.Equal(one + "\n", File.ReadAllText(_paths.SystemIdFile));
        Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(_paths.SystemIdFile), 8));
        Assert.Equal(EnrolmentResult.AlreadyEnrolled, (Request(_key, fingerprint) with { System = one }).Run().Result);

        var refused = (Request(_key, fingerprint) with { System = two }).Run();
        Assert.Equal(EnrolmentResult.Refused, refused.Result);
        Assert.Contains("--replace", refused.Text, StringComparison.Ordinal);
        Assert.Equal(one + "\n", File.ReadAllText(_paths.SystemIdFile));
        Assert.Equal(two, (Request(_key, fingerprint) with { System = two, Replace = true }).Run().SystemId);
        Assert.Equal(two, Enrol(_key).SystemId);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1111111111111111111111111111111")]
    [InlineData("ABCDEFABCDEFABCDEFABCDEFABCDEFAB")]
    [InlineData("11111111111111111111111111111111\n")]
    public void System_id_of_another_form_enrols_nothing(string system)
    {
        Assert.Equal(EnrolmentResult.Refused, (Request(_key, _key.Public.Id.ToString()) with { System = system, Replace = true }).Run().Result);
        Assert.False(File.Exists(_paths.AnchorFile));
        Assert.False(File.Exists(_paths.SystemIdFile));
    }

    [Fact]
    public void Damaged_system_id_is_replaced_only_on_demand()
    {
        string one = new('1', 32), fingerprint = _key.Public.Id.ToString();
        Enrol(_key, fingerprint);
        File.WriteAllText(_paths.SystemIdFile, "damaged");
        Assert.Equal(EnrolmentResult.Refused, (Request(_key, fingerprint) with { System = one }).Run().Result);
        Assert.Equal(one, (Request(_key, fingerprint) with { System = one, Replace = true }).Run().SystemId);
    }

    [Fact]
    public void Attack02_small_order_key_is_not_enrolled()
    {
        string file = _directory.At("bad");
        File.WriteAllBytes(file, [1, .. new byte[31]]);
        var id = KeyId.Of(KeyType.Ed25519, File.ReadAllBytes(file));
        var outcome = (Request(_key, id.ToString()) with { File = file }).Run();
        Assert.Equal(EnrolmentResult.Refused, outcome.Result);
        Assert.False(File.Exists(_paths.AnchorFile));
    }

    private EnrolmentOutcome Enrol(SigningKey key, string? fingerprint = null, bool replace = false, TextReader? terminal = null) =>
        (Request(key, fingerprint) with { Replace = replace, Terminal = terminal }).Run();

    private Enrolment Request(SigningKey key, string? fingerprint)
    {
        string file = _directory.At("key.pub");
        File.WriteAllBytes(file, key.Public.Raw.ToArray());
        return new Enrolment
        {
            Paths = _paths,
            File = file,
            Fingerprint = fingerprint,
            Output = _output,
            RecordReplacement = (old, id) => _recorded.Add((old, id)),
        };
    }
}
