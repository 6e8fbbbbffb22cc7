using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Policy;

/// <summary>The one syntax of links.</summary>
public sealed class LinkAddressTests
{
    [Theory]
    [InlineData("unix:/run/qwamos/gateway-bus.sock", LinkKind.Unix)]
    [InlineData("virtio:/dev/virtio-ports/org.qwamos.bus", LinkKind.Virtio)]
    [InlineData("tls+unix:/run/forwarded", LinkKind.TlsUnix)]
    [InlineData("tls:gateway.example:4242", LinkKind.Tls)]
    [InlineData("tls:127.0.0.1:1", LinkKind.Tls)]
    [InlineData("tls:[fd00::1]:65535", LinkKind.Tls)]
    public void An_address_is_printed_as_it_was_written(string text, LinkKind kind)
    {
        Assert.True(LinkAddress.TryParse(text, out var address, out var fault), fault);
        Assert.Equal((kind, text), (address.Kind, address.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/run/s")]
    [InlineData("tcp:host:1")]
    [InlineData("TLS:host:1")]
    [InlineData("unix:")]
    [InlineData("unix:relative")]
    [InlineData("unix:/a\nb")]
    [InlineData("virtio:/a\0")]
    [InlineData("tls+unix:host:1")]
    [InlineData("tls:")]
    [InlineData("tls:host")]
    [InlineData("tls::1")]
    [InlineData("tls:host:0")]
    [InlineData("tls:host:01")]
    [InlineData("tls:host:65536")]
    [InlineData("tls:host:-1")]
    [InlineData("tls:-host:1")]
    [InlineData("tls:ho st:1")]
    [InlineData("tls:fd00::1:1")]
    [InlineData("tls:[host]:1")]
    [InlineData("tls:[fd00::1%eth0]:1")]
    [InlineData("tls:[127.0.0.1]:1")]
    public void Attack20_what_has_another_form_is_refused(string text)
    {
        Assert.False(LinkAddress.TryParse(text, out var address, out var fault));
        Assert.Null(address);
        Assert.NotEmpty(fault!);
    }

    [Fact]
    public void A_path_has_107_bytes_and_a_host_253()
    {
        Assert.True(LinkAddress.TryParse("unix:/" + new string('s', 106), out _, out _));
        Assert.False(LinkAddress.TryParse("unix:/" + new string('s', 107), out _, out var fault));
        Assert.Contains("107 bytes", fault, StringComparison.Ordinal);
        Assert.True(LinkAddress.TryParse($"tls:{new string('h', 253)}:1", out _, out _));
        Assert.False(LinkAddress.TryParse($"tls:{new string('h', 254)}:1", out _, out _));
    }

    [Fact]
    public void Under_a_root_a_path_moves_and_a_host_stays()
    {
        Assert.True(SystemPaths.TryCreate("/trial", out var paths, out _));
        Assert.True(LinkAddress.TryParse("virtio:/p", out var port, out _) & LinkAddress.TryParse("tls:h:1", out var host, out _));
        Assert.Equal("virtio:/trial/p", port!.Under(paths).ToString());
        Assert.Same(host, host!.Under(paths));
    }
}
