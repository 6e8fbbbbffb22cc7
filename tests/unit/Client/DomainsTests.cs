using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary><c>qwamosctl domains</c>: what it shows, what it asks, what it signs, and that nothing is signed on first use.</summary>
public sealed class DomainsTests : IDisposable
{
    private static readonly string System = new('a', SystemId.Digits);
    private readonly ClientTrial _client = new();
    private readonly SigningKey _domain = SigningKey.Generate();

    public DomainsTests()
    {
        _client.IsOf(System);
        _client.Run("key", "show");
        Assert.True(_client.HasKey);
    }

    private string Key => Convert.ToHexStringLower(_domain.PublicRaw);

    private string Fingerprint => _domain.Id.ToString();

    public void Dispose()
    {
        _client.Dispose();
        _domain.Dispose();
    }

    [Fact]
    public void Each_domain_is_shown_with_its_link_and_whether_it_is_enrolled()
    {
        using FakeBus bus = Bus(Row("gw\\u001b[2J", null, link: "connection refused"), Row("gw1", Key));
        Assert.Equal(0, _client.Run("domains"));
        Assert.Contains("gw1", _client.Output, StringComparison.Ordinal);
        Assert.Contains("not enrolled", _client.Output, StringComparison.Ordinal);
        Assert.Contains(Fingerprint, _client.Output, StringComparison.Ordinal);
        Assert.Contains("connection refused", _client.Output, StringComparison.Ordinal);
        Assert.Contains("domains enroll gw1", _client.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', _client.Output);
    }

    [Fact]
    public void Nothing_is_signed_without_a_person_or_the_fingerprint()
    {
        using FakeBus bus = Bus(Row("gw1", Key));
        Assert.Equal(1, _client.Run("domains", "enroll", "gw1"));
        Assert.Contains("--fingerprint HEX", _client.Error, StringComparison.Ordinal);
        Assert.Contains($"As gateway-policyd --root {_client.Root} fingerprint prints it in the domain", _client.Error, StringComparison.Ordinal);
        Assert.Equal(1, _client.Run("domains", "enroll", "gw1", "--fingerprint", new string('0', 64)));
        Assert.Contains(Fingerprint, _client.Error, StringComparison.Ordinal);
        Assert.Equal(2, _client.Run("domains", "enroll", "gw1", "--fingerprint", "deadbeef"));
        Assert.Contains("--fingerprint is no fingerprint: 64 hexadecimal digits", _client.Error, StringComparison.Ordinal);
        (_client.HasPerson, _client.Input) = (true, "no\n");
        Assert.Equal(1, _client.Run("domains", "enroll", "gw1"));
        Assert.DoesNotContain(bus.Received, request => request.Contains("domain_key", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_confirmed_fingerprint_is_signed_and_sent(bool asks)
    {
        using FakeBus bus = Bus(Row("gw1", Key));
        (_client.HasPerson, _client.Input) = (asks, "yes\n");
        Assert.Equal(0, _client.Run(["domains", "enroll", "gw1", .. asks ? [] : (string[])["--fingerprint", Fingerprint.ToUpperInvariant()]]));
        Assert.Contains("enrolled  gw1", _client.Output, StringComparison.Ordinal);
        var statement = Sent(bus);
        Assert.Equal(("gw1", "gateway", Key, System, false), (statement.Name, statement.Class, statement.Key, statement.SystemId, statement.IsRevoked));
        Assert.True(new KeyHome(_client.Home).TryLoadPublic(out var key, out _) && statement.IsSignedBy(key));
    }

    [Fact]
    public void A_revocation_names_the_enrolled_key_and_is_later_than_the_enrolment()
    {
        using SigningKey other = SigningKey.Generate();
        var seconds = DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 60;
        var enrolled = DomainKeyStatement.Sign(other, "gw1", "gateway", Key, System, seconds, false).ToJson();
        using FakeBus bus = Bus($$"""{"name":"gw1","class":"gateway","link":"ok","key":"{{Key}}","enrolled":true,"statement":{{enrolled}},"index":4,"seconds":{{seconds}}}""");
        Assert.Equal(0, _client.Run("domains", "enroll", "gw1"));
        Assert.Contains("already", _client.Error, StringComparison.Ordinal);
        Assert.Equal(0, _client.Run("domains", "revoke", "gw1"));
        var statement = Sent(bus);
        Assert.Equal((true, Key, seconds + 1), (statement.IsRevoked, statement.Key, statement.TimestampSeconds));
    }

    [Fact]
    public void A_domain_over_tls_is_enrolled_unheard_by_both_of_its_keys_and_by_nothing_less()
    {
        var unheard = Row("gw1", null, link: "no operator has vouched for its key").Replace("\"link\"", "\"over_tls\":true,\"link\"", StringComparison.Ordinal);
        using FakeBus bus = Bus(unheard, Row("gw2", null));
        var (key, tls) = (Convert.ToBase64String(_domain.PublicRaw), new string('7', 64));
        Assert.Equal(0, _client.Run("domains"));
        Assert.Contains($"to believe what it reports: qwamosctl --root {_client.Root} --home {_client.Home} --socket {_client.Socket} domains enroll gw1 --key BASE64 --tls-key HEX\n", _client.Output, StringComparison.Ordinal);
        // Of gw2, which was not heard, the link is what is wrong.
        Assert.DoesNotContain("domains enroll gw2", _client.Output, StringComparison.Ordinal);
        Assert.Equal(2, _client.Run("domains", "enroll", "gw1"));
        Assert.Contains("fingerprint --key and qwamos-link fingerprint", _client.Error, StringComparison.Ordinal);
        Assert.Equal(2, _client.Run("domains", "enroll", "gw1", "--key", key));
        Assert.Equal(2, _client.Run("domains", "enroll", "gw1", "--tls-key", tls));
        // A fingerprint is no key, and a key no fingerprint.
        Assert.Equal(2, _client.Run("domains", "enroll", "gw1", "--key", Fingerprint, "--tls-key", tls));
        Assert.Equal(2, _client.Run("domains", "enroll", "gw1", "--key", key, "--tls-key", key));
        Assert.Equal(2, _client.Run("domains", "enroll", "gw2", "--key", key, "--tls-key", tls));
        Assert.Equal(1, _client.Run("domains", "enroll", "gw1", "--key", key, "--tls-key", tls, "--fingerprint", tls));
        Assert.DoesNotContain(bus.Received, request => request.Contains("domain_key", StringComparison.Ordinal));
        Assert.Equal(0, _client.Run("domains", "enroll", "gw1", "--key", key, "--tls-key", tls));
        var statement = Sent(bus);
        Assert.Equal((Key, tls), (statement.Key, statement.TlsKey));
    }

    [Fact]
    public void A_key_that_is_enrolled_for_tls_stays_until_another_is_named_and_what_is_heard_must_be_what_is_brought()
    {
        using SigningKey other = SigningKey.Generate();
        var (tls, seconds) = (new string('7', 64), DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        var enrolled = DomainKeyStatement.Sign(other, "gw1", "gateway", Convert.ToHexStringLower(other.PublicRaw), System, seconds, false, tls).ToJson();
        using FakeBus bus = Bus($$"""{"name":"gw1","class":"gateway","over_tls":true,"link":"ok","key":"{{Key}}","enrolled":true,"statement":{{enrolled}},"index":4,"seconds":{{seconds}}}""");
        Assert.Equal(1, _client.Run("domains", "enroll", "gw1", "--key", Convert.ToBase64String(other.PublicRaw)));
        Assert.Contains($"gw1 says another key than that: {Fingerprint}", _client.Error, StringComparison.Ordinal);
        Assert.Equal(0, _client.Run("domains", "enroll", "gw1", "--fingerprint", Fingerprint));
        var statement = Sent(bus);
        Assert.Equal((Key, tls), (statement.Key, statement.TlsKey));
    }

    [Fact]
    public void A_domain_over_tls_that_was_made_anew_is_enrolled_by_both_of_its_new_keys_whatever_was_heard_of_the_former()
    {
        using SigningKey made = SigningKey.Generate();
        using FakeBus bus = Bus(Row("gw1", Key).Replace("\"link\"", "\"over_tls\":true,\"link\"", StringComparison.Ordinal));
        Assert.Equal(0, _client.Run("domains", "enroll", "gw1", "--key", Convert.ToBase64String(made.PublicRaw), "--tls-key", new string('8', 64)));
        var statement = Sent(bus);
        Assert.Equal((Convert.ToHexStringLower(made.PublicRaw), new string('8', 64)), (statement.Key, statement.TlsKey));
    }

    [Fact]
    public void A_domain_that_said_no_key_or_is_not_there_cannot_be_enrolled()
    {
        using FakeBus bus = Bus(Row("gw1", null, link: "no answer within 10 s"));
        Assert.Equal(1, _client.Run("domains", "enroll", "gw1"));
        Assert.Contains("has not said its key yet: no answer within 10 s", _client.Error, StringComparison.Ordinal);
        Assert.Equal(2, _client.Run("domains", "enroll", "gw2"));
        Assert.Equal(2, _client.Run("domains", "revoke", "gw1"));
    }

    [Fact]
    public void Pages_that_do_not_end_are_an_error()
    {
        using FakeBus bus = new(_client.Socket, $$"""{"status":"ok","domains":[{{Row("gw1", Key)}}],"more":"gw1"}""");
        Assert.Equal(1, _client.Run("domains"));
    }

    private static string Row(string name, string? key, string link = "ok") =>
        $$"""{"name":"{{name}}","class":"gateway","link":"{{link}}","key":{{(key is null ? "null" : $"\"{key}\"")}},"enrolled":false,"why_not":"no operator has vouched for its key"}""";

    private FakeBus Bus(params string[] rows) => new(
        _client.Socket,
        request => Encoding.UTF8.GetBytes(request.Contains("domain_key", StringComparison.Ordinal) ? "{\"status\":\"ok\",\"index\":7}\n" : $"{{\"status\":\"ok\",\"domains\":[{string.Join(',', rows)}]}}\n"));

    private static DomainKeyStatement Sent(FakeBus bus)
    {
        var request = Assert.Single(bus.Received, text => text.Contains("domain_key", StringComparison.Ordinal));
        Assert.True(EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(request.TrimEnd('\n')), out var envelope, out var refusal), refusal?.Reason);
        return Assert.IsType<DomainKeyStatement>(envelope.Message.DomainKey);
    }
}
