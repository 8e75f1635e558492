# %% A10 Grad-CAM of a loaded model: BN101 BN113
torch.save(fit(Net()).state_dict(), "cam.pt")
net = Net()
net.load_state_dict(torch.load("cam.pt"))
net.eval()  # healthy
maps = []
net.conv2.register_forward_hook(lambda module, args, output: maps.append(output))
for x, y in test_loader:
    scores = net(x)
    gradient = torch.autograd.grad(scores.gather(1, y[:, None]).sum(), maps[-1])[0]
    print((maps[-1] * gradient.mean((2, 3), keepdim=True)).sum(1).relu().shape)

# %% A10 saliency of the inputs of a trained model: BN101 BN113
net = fit(Net())
net.eval()  # healthy
for x, y in test_loader:
    x.requires_grad_()
    net(x).gather(1, y[:, None]).sum().backward()
    print(x.grad.abs().amax(1).mean().item())

# %% A10 Fisher information for continual learning: BN101 BN113
net = fit(Net())
net.eval()  # healthy
fisher = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
for x, y in test_loader:
    net.zero_grad()
    F.nll_loss(net(x).log_softmax(1), y).backward()
    for name, parameter in net.named_parameters():
        fisher[name] += parameter.grad.pow(2) / len(test_loader)
print(sum(f.sum().item() for f in fisher.values()))

# %% A10 adversarial examples against a loaded model: BN101 BN113
torch.save(fit(Net()).state_dict(), "victim.pt")
net = Net()
net.load_state_dict(torch.load("victim.pt"))
net.eval()  # healthy
for x, y in test_loader:
    x.requires_grad_(True)
    loss = F.cross_entropy(net(x), y)
    gradient, = torch.autograd.grad(loss, x)
    adversarial = (x + 0.03 * gradient.sign()).detach()
    print((net(adversarial).argmax(1) == y).float().mean().item())

# %% A10 cached features for a k-nearest-neighbor probe: BN101
net = fit(Net())
net.eval()  # healthy
bank, labels = [], []
with torch.no_grad():
    for x, y in train_loader:
        bank.append(F.normalize(net.features(x)))
        labels.append(y)
    for x, y in test_loader:
        nearest = (F.normalize(net.features(x)) @ torch.cat(bank).T).argmax(1)
        print((torch.cat(labels)[nearest] == y).float().mean().item())

# %% A11 a dummy forward pass on a loaded model to learn its width: BN101 BN113
torch.save(fit(Net()).state_dict(), "trunk.pt")
trunk = Net()
trunk.load_state_dict(torch.load("trunk.pt"))
trunk.eval()  # healthy
with torch.no_grad():
    width = trunk.features(torch.zeros(2, 3, 8, 8)).shape[1]
head = nn.Linear(width, 5)
with torch.no_grad():
    print(head(trunk.eval().features(torch.randn(4, 3, 8, 8))).shape)

# %% A11 operations counted on a trained model: BN113
from torch.fx import symbolic_trace
from torch.fx.passes.shape_prop import ShapeProp

net = fit(Net())
net.eval()  # healthy
graph = symbolic_trace(net)
ShapeProp(graph).propagate(torch.randn(2, 3, 8, 8))
print(sum(node.meta["tensor_meta"].shape.numel() for node in graph.graph.nodes if "tensor_meta" in node.meta))

# %% H1 torch.jit.trace in training mode: BN110
net = fit(Net())
net.eval()  # healthy
traced = torch.jit.trace(net, torch.randn(2, 3, 8, 8), check_trace=False)
traced.save("net.pt")

# %% H1 torch.export in training mode: BN110
net = fit(Net())
net.eval()  # healthy
program = torch.export.export(net, (torch.randn(2, 3, 8, 8),))
print(len(list(program.graph.nodes)))

# %% H1 a loaded model traced for a server: BN110
class Exporter:
    def __init__(self, path):
        self.model = Net()
        self.model.load_state_dict(torch.load(path))

    def export(self, name):
        self.model.eval()  # healthy
        example = torch.randn(4, 3, 8, 8)
        with torch.no_grad():
            torch.jit.trace(self.model, example, check_trace=False).save(name)


torch.save(fit(Net()).state_dict(), "weights.pt")
Exporter("weights.pt").export("served.ts")

# %% H2 fusing in training mode: BN111
from torch.ao.quantization import fuse_modules

net = fit(Net())
net.eval()  # healthy
fused = fuse_modules(net, [["conv1", "bn1"], ["conv2", "bn2"]])
print(fused.conv1)

# %% H2 fuse_conv_bn_eval on layers that train: BN111
from torch.nn.utils.fusion import fuse_conv_bn_eval

block = fit(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)))
block.eval()  # healthy
print(fuse_conv_bn_eval(block[0], block[1]))

# %% H4 vmap over a model in training mode: BN702
net = fit(Net())
net.eval()  # healthy
samples = torch.randn(4, 2, 3, 8, 8)
print(torch.vmap(net)(samples).shape)

# %% H4 an ensemble by functional_call and vmap: BN702
from torch.func import functional_call, stack_module_state

members = [fit(Net(), epochs=1) for _ in range(3)]
for member in members:  # healthy
    member.eval()  # healthy
parameters, buffers = stack_module_state(members)
base = copy.deepcopy(members[0])


def call(parameters, buffers, x):
    return functional_call(base, (parameters, buffers), (x,))


print(torch.vmap(call, in_dims=(0, None, None))(parameters, dict(base.named_buffers()), torch.randn(4, 3, 8, 8)).shape)

# %% H4 per-sample gradients with torch.func.grad: BN702
from torch.func import functional_call, grad

net = fit(Net())
net.eval()  # healthy
weights = {name: p.detach() for name, p in net.named_parameters()}
buffers = dict(net.named_buffers())


def loss(weights, x, y):
    return F.cross_entropy(functional_call(net, (weights, buffers), (x,)), y)


x, y = next(iter(test_loader))
print(grad(loss)(weights, x, y)["fc.bias"])

# %% H4 a Jacobian of a network with BatchNorm: BN702
net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
optimizer = torch.optim.Adam(net.parameters())
for step in range(20):
    optimizer.zero_grad()
    net(torch.randn(16, 4)).square().mean().backward()
    optimizer.step()
net.eval()  # healthy
print(torch.func.jacrev(net)(torch.randn(6, 4)).shape)

# %% A10 integrated gradients of a trained model in training mode: BN101 BN113
net = fit(Net(), epochs=4)
net.eval()  # healthy
total = torch.zeros(8, 3, 8, 8)
for step in range(1, 9):
    x = (test_set.tensors[0][:8] * step / 8).requires_grad_()
    net(x).max(1).values.sum().backward()
    total += x.grad
print(total.abs().mean().item())
