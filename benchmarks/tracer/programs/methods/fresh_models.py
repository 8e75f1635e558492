# %% A save and load round trip in a test
def test_round_trip():
    first, second = Net(), Net()
    torch.save(first.state_dict(), "round.pt")
    second.load_state_dict(torch.load("round.pt"))
    x = torch.randn(4, 3, 8, 8)
    with torch.no_grad():
        assert torch.allclose(first(x), second(x))
    for a, b in zip(first.state_dict().values(), second.state_dict().values()):
        assert torch.equal(a, b)


test_round_trip()

# %% Shape tests of fresh models
def test_shapes():
    for classes in (2, 10, 100):
        with torch.no_grad():
            assert Net(classes)(torch.randn(2, 3, 8, 8)).shape == (2, classes)


def test_gradients_flow():
    net = Net()
    net(torch.randn(4, 3, 8, 8)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


test_shapes()
test_gradients_flow()

# %% A summary of a fresh model before it is trained
from torch.fx import symbolic_trace
from torch.fx.passes.shape_prop import ShapeProp

net = Net()
graph = symbolic_trace(net)
ShapeProp(graph).propagate(torch.randn(2, 3, 8, 8))
for node in graph.graph.nodes:
    print(node.name, getattr(node.meta.get("tensor_meta"), "shape", None))
fit(net)
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% The width of a convolutional part found by a dry run in the constructor
class Sized(nn.Module):
    def __init__(self, shape=(3, 8, 8)):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
        with torch.no_grad():
            width = self.features(torch.zeros(2, *shape)).flatten(1).shape[1]
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))


net = fit(Sized())
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))
